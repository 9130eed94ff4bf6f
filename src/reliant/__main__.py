"""Run the command line with `python -m reliant`."""

from reliant.cli.main import main

if __name__ == "__main__":
    main()
