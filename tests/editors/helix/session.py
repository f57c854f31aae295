"""A session in a real Helix inside tmux: a misspelt dim is marked, the code action repairs it, an inlay hint shows a shape. Run by ../run.

session.py HX FOLDER CONFIGURATION: the command that starts Helix, a folder with copies of the fixtures, the configuration's folder."""

import os
import re
import shlex
import subprocess
import sys
import time

command, folder, configuration = sys.argv[1:]
socket = os.path.join(configuration, "tmux")
failures = 0


def tmux(*arguments: str) -> str:
    """Runs tmux with a server of its own."""
    done = subprocess.run(["tmux", "-f", "/dev/null", "-S", socket, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def screen(colours: bool = False) -> str:
    """What stands on the screen."""
    return tmux("capture-pane", "-p", "-t", "helix", *(["-e"] if colours else []))


def check(name: str, holds: bool) -> None:
    """Says whether something holds, with the screen where it does not."""
    global failures
    print(f"    {'ok' if holds else 'FAILED'} {name}", flush=True)
    if not holds:
        failures += 1
        print("\n".join("      | " + line for line in screen().splitlines()), flush=True)


def eventually(condition, seconds: float = 20) -> bool:
    """Whether a condition on the screen comes true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition(screen()):
            return True
        time.sleep(0.1)
    return False


environment = {"XDG_CONFIG_HOME": configuration, "XDG_CACHE_HOME": configuration, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
setting = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
path = shlex.quote(os.path.join(folder, "misspelt.blueprint"))
tmux("new-session", "-d", "-s", "helix", "-x", "130", "-y", "36", f"env {setting} {command} {path}")
try:
    check("the file is shown", eventually(lambda s: "layer first = Linear(hiden)" in s))
    check("the misspelt dim is marked", eventually(lambda s: "unknown name `hiden`" in s))

    def cursor_is_there(shown: str) -> bool:
        """Whether the cursor stands on the misspelt dim."""
        column, row = map(int, tmux("display-message", "-p", "-t", "helix", "#{cursor_x} #{cursor_y}").split())
        line = shown.splitlines()[row]
        start = line.find("hiden")
        return "Linear(hiden)" in line and start <= column < start + 5

    tmux("send-keys", "-t", "helix", "]", "d")
    check("at its place", eventually(cursor_is_there))
    coloured = screen(colours=True)
    keyword = re.search(r"\x1b\[[0-9;]*38[0-9;]*m(?:\x1b\[[0-9;]*m)*layer", coloured)
    check("`layer` is coloured by tree-sitter", keyword is not None)
    tmux("send-keys", "-t", "helix", "Space", "a")
    check("the code action is offered", eventually(lambda s: "eplace by `hidden`" in s))
    tmux("send-keys", "-t", "helix", "Enter")
    check("it repairs the line", eventually(lambda s: re.search(r"layer first(: .*)? = Linear\(.*hidden\)", s) is not None))
    check("the diagnostic goes away", eventually(lambda s: "unknown name" not in s))
    check("an inlay hint shows a shape", eventually(lambda s: re.search(r"let h.*f32\[b, (hidden|16)\].*=", s) is not None))
    tmux("send-keys", "-t", "helix", "Escape", ":", "q", "!", "Enter")
    time.sleep(0.5)
finally:
    subprocess.run(["tmux", "-S", socket, "kill-server"], capture_output=True, check=False)
sys.exit(0 if failures == 0 else 1)
