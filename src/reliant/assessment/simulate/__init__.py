"""What-ifs: what stops on which day when names are cut, why, and what to do first."""
