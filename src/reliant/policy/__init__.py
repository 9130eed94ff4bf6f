"""What is permitted: a three-valued matcher over dated, cited rules."""
