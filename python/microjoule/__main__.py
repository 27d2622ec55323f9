"""`python -m microjoule` is the command `uj`."""

from microjoule.cli import main

raise SystemExit(main())
