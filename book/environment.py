"""Make .venv, the book's environment, or bring it up to date: `python book/environment.py [--chosen] [EXTRA...]`.

The Makefile runs this before anything else; when nothing has changed it says nothing and takes a blink. What was made,
and from what, stands in .venv/book.json. While work goes on that file is empty, so that whatever an interruption leaves
behind is known for what it is, and made again. EXTRA names the extras of pyproject.toml to install beside the
requirements; `--chosen` says that this Python was asked for by name: an environment made of another one has to go.

Standard library only, and no syntax newer than Python 2.7: a Python that is too old must get far enough to be told so.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHOWN = re.compile(r"Downloading (?!.*\.metadata)|Installing collected|ERROR")  # the lines of pip's that are shown
OFFLINE = re.compile(r"No matching distribution|Could not find a version|ConnectionError|Max retries|Timeout|Proxy")
ROOM = "the book takes about 2 GB, and 8 GB with the CUDA build of PyTorch (see README.md)."
AGAIN = "When that is mended, run the same command again."


class SetUpError(Exception):
    """The environment could not be made; the message says why and what to do."""


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def check_python(version=sys.version_info, modules=("venv", "ensurepip")):
    """Raise SetUpError unless this Python can make the environment."""
    choose = "Then name it, if it is not the `python3` of your path:\n\n    make book PYTHON=/path/to/python3.12"
    if tuple(version[:2]) < OLDEST:
        raise SetUpError(
            "The book needs Python {}.{} or newer, and this is Python {}.{}.{}:\n\n    {}\n\n"
            "Install a newer one, from your system's packages or from https://www.python.org/downloads/.\n{}".format(
                *(OLDEST + tuple(version[:3]) + (sys.executable, choose))
            )
        )
    for name in modules:
        try:
            __import__(name)
        except ImportError:
            raise SetUpError(
                "This Python has no module `{}`, so it cannot make a virtual environment:\n\n    {}\n\n"
                "On Debian and Ubuntu `sudo apt install python3-venv` brings it; elsewhere, install a complete Python."
                "\n{}".format(name, sys.executable, choose)
            )


class Environment:
    """The virtual environment of the book under `root`, and its record."""

    def __init__(self, root=ROOT):
        self.root = os.path.realpath(root)
        self.path = os.path.join(self.root, ".venv")
        self.python = os.path.join(self.path, "bin", "python")
        self.record_path = os.path.join(self.path, "book.json")
        self.log_path = os.path.join(self.path, "pip.log")

    def digest(self):
        """A hash of everything that decides what is installed. Lint settings and the like do not."""
        parts = []
        for name in ("pyproject.toml", "requirements.txt", "constraints.txt"):
            with open(os.path.join(self.root, name), encoding="utf-8") as file:
                parts.append(file.read())
        tables = re.findall(r"(?ms)^\[.*?(?=^\[|\Z)", parts[0])
        parts[0] = "".join(t for t in tables if re.match(r"\[(build-system|project|tool\.setuptools)\b", t))
        return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()

    def packages(self):
        """The names of what is installed."""
        lib = os.path.join(self.path, "lib")
        found = set()
        for version in os.listdir(lib) if os.path.isdir(lib) else ():
            site = os.path.join(lib, version, "site-packages")
            found.update(os.listdir(site) if os.path.isdir(site) else ())
        return sorted(found - {"__pycache__"})

    def record(self):
        """What book.json says: None if there is none, {} if it cannot be read or says unfinished."""
        try:
            with open(self.record_path) as file:
                return json.load(file)
        except ValueError:
            return {}
        except (IOError, OSError):
            return None

    def write_record(self, record):
        if not os.path.isdir(self.path):
            os.makedirs(self.path)
        with open(self.record_path + ".new", "w") as file:
            json.dump(record, file, sort_keys=True)
        os.replace(self.record_path + ".new", self.record_path)

    def fault(self, python=None):
        """Why the environment there is must be made again, in a clause, or None. `python`: the version it must have."""
        record = self.record()
        if not os.path.isfile(os.path.join(self.path, "pyvenv.cfg")) or not os.access(self.python, os.X_OK):
            return "is incomplete"
        if record is None:  # made by hand
            probe = "import pip, sys; sys.exit(sys.version_info < {!r})".format(OLDEST)
            with open(os.devnull, "w") as null:
                works = subprocess.call([self.python, "-c", probe], stdout=null, stderr=null) == 0
            return None if works else "has no working Python {}.{} with pip".format(*OLDEST)
        if not record:
            return "was left unfinished"
        if record["root"] != self.root:
            return "was made elsewhere, in {}".format(record["root"])
        if python not in (None, record["python"]):
            return "is of Python {}, not {}".format(record["python"], python)
        lost = sorted(set(record["packages"]) - set(self.packages()))
        return "has lost {} of what was installed: {}".format(len(lost), ", ".join(lost[:3])) if lost else None

    def make(self, lock=()):
        """An empty virtual environment, in place of whatever is there."""
        check_python()
        say("Making the book's environment in .venv, of Python {}.".format(sys.version.split()[0]))
        if os.path.islink(self.path):
            os.unlink(self.path)
        if os.path.isdir(self.path):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self.path, "pyvenv.cfg"))  # first, so that half a removal is no environment
            try:
                shutil.rmtree(self.path)
            except OSError as error:
                raise SetUpError("The old .venv cannot be deleted ({}).\n{}".format(error, AGAIN))
        self.write_record({})
        command = [sys.executable, "-m", "venv", self.path]
        venv = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=lock)
        output = venv.communicate()[0].decode("utf-8", "replace")
        if venv.returncode != 0:
            said = output + self.room()
            raise SetUpError("Python could not make a virtual environment in .venv.\n{}{}".format(said, AGAIN))

    def room(self):
        """What to say if the disk is nearly full, which `venv` itself does not."""
        free = shutil.disk_usage(self.root).free // 10**6
        return "The disk has {} MB left: {}\n".format(free, ROOM) if free < 100 else ""

    def install(self, extras, lock=()):
        """Install the requirements and `extras` with pip; its full output goes to .venv/pip.log.

        First what hashes/ names, each file held to its hash; then the rest: PyTorch, and the book's own package.
        """
        say("Installing what the book needs: a few minutes the first time. (Details: .venv/pip.log)")
        hashed = ["--require-hashes", "--no-deps"]
        for name in ["book"] + extras:
            hashed += ["-r", "hashes/{}.txt".format(name)]
        itself = ".[{}]".format(",".join(extras)) if extras else "."
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.pip(hashed, log, lock)
            self.pip(["--no-build-isolation", "-r", "requirements.txt", "-e", itself], log, lock)

    def pip(self, arguments, log, lock):
        """Let pip install; raise SetUpError, with advice, if it fails."""
        pip = subprocess.Popen(
            [self.python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"] + arguments,
            cwd=self.root,
            env=dict(os.environ, PIP_USER="0", PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            errors="replace",
            pass_fds=lock,
        )
        lines = []
        try:
            for line in pip.stdout:
                log.write(line)
                lines.append(line)
                if SHOWN.match(line.strip()):
                    say("  " + line.strip()[:110])
            if pip.wait() != 0:
                raise SetUpError(self.advice(pip.returncode, "".join(lines)))
        finally:
            if pip.poll() is None:
                pip.terminate()
                pip.wait()

    @staticmethod
    def advice(status, output):
        """What to do about pip's failure, judged by its exit status and by what it printed."""
        if status < 0:
            reason = "something killed pip (signal {}).".format(-status)
        elif "No space left" in output:
            reason = "the disk is full: " + ROOM
        elif "DO NOT MATCH THE HASHES" in output:
            said = [line for line in output.splitlines(True) if re.match(r"\s+(\S+==|Got )", line)]
            reason = (
                "a file is not the one that hashes/ names.\n\n{}\n"
                "Nothing was installed. A download may have been cut off, or a proxy, a mirror or the index sent\n"
                "another file: try again after `pip cache purge`, then with another index or network.\n"
                "If it stays, tell the maintainers, and do not install that file by other means.\n"
                "(Whoever changes the requirements writes the hashes again with `make freeze`.)"
            ).format("".join(said))
        elif OFFLINE.search(output):
            reason = "pip found no package index that has them.\nIs there a network? Does pip need a proxy or an index?"
        else:
            reason = "pip failed. Its last words:\n\n" + "".join(output.splitlines(True)[-12:])
        return "The book's dependencies could not be installed: {}\n{}".format(reason, AGAIN)

    def ensure(self, extras=(), python=None, lock=()):
        """Bring the environment to what the files ask for, and say what is done; silent if nothing is to do."""
        fault = self.fault(python) if os.path.lexists(self.path) else "is not there yet"
        before = None if fault else self.record()
        digest = self.digest()
        if before and before["digest"] == digest and set(extras) <= set(before["extras"]):
            return
        if fault:
            if os.path.lexists(self.path):
                say("The environment .venv {}.".format(fault))
            self.make(lock)
        elif before and before["digest"] != digest:
            say("The requirements have changed.")
        extras = sorted(set(extras) | set(before["extras"] if before else ()))
        held = self.packages()
        self.write_record({})
        try:
            self.install(extras, lock)
        except SetUpError:
            if before and self.packages() == held:  # pip gave up before it touched anything, so what was there stands
                self.write_record(before)
            raise
        version = subprocess.check_output([self.python, "-c", "import platform; print(platform.python_version())"])
        self.write_record(
            {
                "digest": digest,
                "extras": extras,
                "packages": self.packages(),
                "python": version.decode().strip(),
                "root": self.root,
            }
        )


@contextlib.contextmanager
def only_one(root=ROOT):
    """Hold the set-up's lock, waiting for another set-up to end first. -> the descriptors that hold it

    The children inherit them: should this process be killed, what it started holds the lock until it ends too.
    """
    with open(os.path.join(root, "requirements.txt")) as file:
        try:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("Another set-up of the book is at work; waiting for it.")
                fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError):  # a file system without locks
            pass
        yield (file.fileno(),)


def in_words(error):
    """What the system refused, and what to do about it."""
    closed = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    what = "Copy the book to a folder that you may write to, and run the same command there." if closed else AGAIN
    return "The book's environment could not be made: {} ({})\n{}".format(error.strerror, error.filename, what)


def stop(number, frame):
    raise KeyboardInterrupt


def main(arguments):
    chosen = "--chosen" in arguments
    extras = [name for name in arguments if name != "--chosen"]
    try:
        if chosen or sys.version_info < (3, 6):
            check_python(modules=())
        signal.signal(signal.SIGTERM, stop)
        with only_one() as lock:
            Environment().ensure(extras, sys.version.split()[0] if chosen else None, lock)
    except SetUpError as error:
        sys.stderr.write("\n{}\n\n".format(error))
        return 1
    except OSError as error:
        sys.stderr.write("\n{}\n\n".format(in_words(error)))
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. The next run begins the environment afresh.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
