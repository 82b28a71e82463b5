"""The lab: a page on one's own machine for runs, the game in the plane, and trained generators.

::

    server.py          finds a port, prints the address, serves until Ctrl-C
    app.py             the web application: its rooms and static files
    guard.py           who may talk to it: token, Host, Origin, content security policy
    answers.py         JSON answers, uploads, and streams of events
    folder.py          the runs under a folder, by name
    runs.py            list, follow and compare runs
    reports.py         the reports of a run while they are written, thinned for a plot
    trainings.py       start, stop, resume and evaluate runs, each in a process of its own
    playground.py      live games of points: sessions, each a process
    live_process.py    the process of a page's games: plays, obeys, makes frames
    live_game.py       a game that is changed while it is played
    live_view.py       what is seen of it
    explorer.py        walks in a generator of images
    generators.py      the generators that are open
    tasks.py           searches that take seconds, with their progress
    spotting.py        guess which images are real
    static/            the pages: plain JavaScript modules, one a view; what exported pages use
                       too is in forgery/web/

It needs the extra ``forgery[lab]``. Modules here import torch only where they use it, so that the
first page is there before torch is.
"""
