"""Turns into one program of the stack: reads argv, environment and working folder from a JSON file and execs.

The supervisor runs this in front of every program, so that passwords stay out of command lines, no value has to be quoted
for the supervisor's configuration, and programs see exactly the environment written down for them. The process id stays
the same.
"""

import json
import os
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    program = json.load(file)
os.chdir(program["folder"])
os.execvpe(program["argv"][0], program["argv"], program["environment"])
