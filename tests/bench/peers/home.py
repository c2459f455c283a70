"""Where peers that we are measured against are installed: virtual environments below target/. The project needs none of them."""
import pathlib, subprocess, sys, venv

ROOT = pathlib.Path(__file__).resolve().parents[3]


def say(text):
    print(text, file=sys.stderr, flush=True)


def python(name, packages):
    """A Python that has these packages, by pip, in the environment of that name; installed anew where others were asked for."""
    folder = ROOT / "target" / name
    wanted = folder / "installed.txt"
    if not wanted.exists() or wanted.read_text() != "\n".join(packages):
        say(f"{name}: installing {', '.join(packages)}")
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "-q", *packages], check=True)
        wanted.write_text("\n".join(packages))
    return folder / "bin/python"
