"""What AI a target uses: detectors, resolution, and one merge of what they found."""
