"""Checks manifests by Kubernetes' published schemas; started by `check` beside this file."""

import argparse
import functools
import json
import pathlib
import re
import sys

import kubernetes_validate
import yaml
from jsonschema.validators import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"

# The oldest and the newest version that manifests are made for.
VERSIONS = ["1.30", "1.37"]


def folder(version):
    """Strict: what the schema does not name is wrong."""
    return SCHEMAS / f"v{version}.0-local-strict"


@functools.cache
def registry(version):
    definitions = json.loads((folder(version) / "_definitions.json").read_text())
    return Resource.from_contents(definitions) @ Registry()


@functools.cache
def validator(version, api_version, kind):
    """The validator of a kind; None where this version of Kubernetes does not have it."""
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    path = folder(version) / f"{kind.lower()}-{group}.json"
    if not path.is_file():
        return None
    schema = json.loads(path.read_text())
    return Draft202012Validator(schema, registry=Resource.from_contents(schema) @ registry(version))


def problems(manifest, version):
    if not isinstance(manifest, dict):
        return ["this is not an object"]
    api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        return ["apiVersion or kind is missing"]
    found = validator(version, api_version, kind)
    if found is None:
        return [f"Kubernetes has no {kind} of {api_version}"]
    return [f"{error.json_path}: {error.message}" for error in found.iter_errors(manifest)]


def files(paths):
    for path in map(pathlib.Path, paths):
        if not path.exists():
            sys.exit(f"{path} does not exist")
        yield from sorted(path.rglob("*.yaml")) if path.is_dir() else [path]


def main():
    parser = argparse.ArgumentParser(prog="check", description="Checks manifests by Kubernetes' published schemas.")
    parser.add_argument("--kubernetes", action="append", metavar="VERSION", help=f"default: {', '.join(VERSIONS)}")
    parser.add_argument("paths", nargs="+", help="manifests, and directories of them")
    arguments = parser.parse_args()
    versions = arguments.kubernetes or VERSIONS
    for version in versions:
        if not folder(version).is_dir():
            parser.error(f"there are no schemas of Kubernetes {version}")

    checked = wrong = 0
    for path in files(arguments.paths):
        try:
            manifests = [manifest for manifest in yaml.safe_load_all(path.read_text()) if manifest is not None]
        except yaml.YAMLError as error:
            wrong += 1
            print(f"{path}: {error}")
            continue
        for manifest in manifests:
            checked += 1
            for version in versions:
                for problem in problems(manifest, version):
                    wrong += 1
                    print(f"{path}: {version}: {problem}")
    print(f"{checked} manifests by Kubernetes {' and '.join(versions)}: {wrong} problems")
    if checked == 0:
        sys.exit("no manifest was found")
    sys.exit(1 if wrong else 0)


main()
