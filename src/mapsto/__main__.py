"""`python -m mapsto` is `mapsto`."""

from mapsto.cli import main

if __name__ == "__main__":
    main()
