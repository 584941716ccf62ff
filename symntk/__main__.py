"""`python -m symntk` is the command `symntk`."""

from symntk.cli import main

if __name__ == "__main__":
    main()
