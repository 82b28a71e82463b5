"""``python -m forgery`` is ``forgery``."""

from .cli import main

if __name__ == "__main__":
    main()
