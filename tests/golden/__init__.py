"""What other programs, older data and users' habits depend on, compared with files of this folder."""
