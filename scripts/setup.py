"""Make ``.venv`` and fill it from the locked requirements: ``python scripts/setup.py base|dev``.

Runs on the system's own Python with nothing installed, and on one too old for the project, so that it can say so:
hence the plain syntax. What was installed is stamped with a hash of what it was installed from; a second call with
nothing changed takes a few hundredths of a second.
"""

import hashlib
import os
import subprocess
import sys
import time

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
SETS = {"base": ["build", "base"], "dev": ["build", "dev"]}
TRIES = 3


def stop(line):
    """Say one clear line and end with status 2."""
    sys.stderr.write(line + "\n")
    sys.exit(2)


def fingerprint(name):
    """A hash of everything the installed set depends on."""
    digest = hashlib.sha256(sys.version.encode() + ROOT.encode())
    for path in ["pyproject.toml"] + ["requirements/%s.txt" % part for part in SETS[name]]:
        with open(os.path.join(ROOT, path), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def stamped(name):
    try:
        with open(os.path.join(VENV, ".installed-" + name)) as file:
            return file.read()
    except OSError:
        return ""


def make_venv():
    """A virtual environment with pip, or one line on what is missing."""
    if os.path.exists(PYTHON) and subprocess.call([PYTHON, "-m", "pip", "--version"], stdout=subprocess.DEVNULL) == 0:
        return
    print("setup: making .venv with Python %d.%d" % sys.version_info[:2])
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if made.returncode != 0:
        if b"ensurepip" in made.stdout or b"No module named venv" in made.stdout:
            stop(
                "setup: %s cannot make virtual environments; install that part of it (Debian, Ubuntu: "
                "apt-get install python%d.%d-venv) and run this again" % ((sys.executable,) + sys.version_info[:2])
            )
        stop(
            "setup: %s could not make .venv: %s" % (sys.executable, made.stdout.decode(errors="replace").strip()[-400:])
        )


def pip(*arguments):
    """Run pip, again after a pause where it fails: an index can be out of reach for a moment."""
    command = [PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input"]
    for attempt in range(1, TRIES + 1):
        if subprocess.call(command + list(arguments), cwd=ROOT) == 0:
            return
        if attempt < TRIES:
            print("setup: pip failed, trying again in %d s" % (5 * attempt))
            time.sleep(5 * attempt)
    stop("setup: pip could not install %s; see its message above" % " ".join(arguments))


def main(name):
    if sys.version_info < OLDEST:
        stop(
            "matsapply needs Python %d.%d or newer and %s is %d.%d; name another one: make run PYTHON=python3.12"
            % (OLDEST + (sys.executable,) + sys.version_info[:2])
        )
    install(name)
    compile_translations()


def install(name):
    """What the locked requirements name, unless it is there."""
    wanted = fingerprint(name)
    if stamped(name) == wanted or (name == "base" and stamped("dev") == fingerprint("dev")):
        return
    make_venv()
    print("setup: installing the locked %s requirements into .venv" % name)
    for part in SETS[name]:
        pip("--require-hashes", "--no-deps", "-r", os.path.join("requirements", part + ".txt"))
    # The project itself comes last, from this folder, so an edit takes effect without installing again.
    pip("--no-deps", "--no-build-isolation", "--editable", ".")
    with open(os.path.join(VENV, ".installed-" + name), "w") as file:
        file.write(wanted)


def compile_translations():
    """The catalogues as the site reads them, unless they are those of these texts."""
    folder = os.path.join(ROOT, "translations")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".po"))
    digest = hashlib.sha256()
    for path in [os.path.join(ROOT, "scripts", "translations.py")] + [os.path.join(folder, name) for name in names]:
        with open(path, "rb") as file:
            digest.update(file.read())
    there = all(os.path.exists(os.path.join(folder, name[:-2] + "mo")) for name in names)
    if there and stamped("translations") == digest.hexdigest():
        return
    if subprocess.call([PYTHON, os.path.join("scripts", "translations.py"), "compile"], cwd=ROOT) != 0:
        stop("setup: the translations could not be compiled; see the message above")
    with open(os.path.join(VENV, ".installed-translations"), "w") as file:
        file.write(digest.hexdigest())


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SETS:
        stop("usage: python scripts/setup.py base|dev")
    main(sys.argv[1])
