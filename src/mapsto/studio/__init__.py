"""Mapsto in a browser, on one's own machine: a server that computes nothing itself, and the processes that do.

server.py        the application: routes, page, beginning and end
guard.py         what every request has to pass
store.py         files, jobs and data sets on disk
queue.py         jobs, one after the other; orders.py makes commands of them
shapes.py        what may be asked for; answers.py is what is answered
child.py         the server's side of a process that works for it; pipe.py is what both say
reader.py        a process that opens files nobody trusts
previewer.py     a process that answers at once, with a small picture or a sound
worker.py        a process that carries out jobs, by the verbs of the command line
"""
