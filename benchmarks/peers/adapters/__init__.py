"""One file a meter; each is loaded alone, by path, in the environment of its meter.

An adapter has these functions, which do what the meter's documentation shows and nothing else:

    load()          imports the meter
    ready()         sets it up: what a program does once before its first window
    begin()         opens a window and gives what `end` wants
    end(handle)     closes it and gives its result
    joules(result)  the figure

and, where the meter has them: ``wait(result)`` until the result is final; ``caveat(result)``, what
the result says of its own figure; ``mark()``, the cheapest pair without a result; ``close()``.
``NOTE`` says what a reader of the table must know.
"""
