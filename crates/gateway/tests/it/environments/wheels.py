"""Makes a package index in a folder, for the tests of environments. Prints {file name: sha256}.

Usage: wheels.py FOLDER, with {"wheels": {name: {path: text}}, "sdists": {name: {path: text}}} on standard input. Everything
has version 1.0. A path that ends in `@` becomes a symbolic link to its text.
"""

import hashlib
import io
import json
import pathlib
import stat
import sys
import tarfile
import zipfile


def wheel(name, files):
    """A wheel as pip takes it; RECORD may be empty of hashes."""
    info = f"{name}-1.0.dist-info"
    files = dict(files)
    needs = "".join(f"Requires-Dist: {need}\n" for need in files.pop("NEEDS", "").split())
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = "".join(f"{path.rstrip('@')},,\n" for path in files) + f"{info}/RECORD,,\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path.rstrip("@"))
            kind = stat.S_IFLNK if path.endswith("@") else stat.S_IFREG
            entry.external_attr = (kind | 0o644) << 16
            archive.writestr(entry, text)
    return f"{name}-1.0-py3-none-any.whl", packed.getvalue()


def sdist(name, files):
    """A source release."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return f"{name}-1.0.tar.gz", packed.getvalue()


def main():
    folder = pathlib.Path(sys.argv[1])
    wanted = json.load(sys.stdin)
    hashes = {}
    for make, kind in [(wheel, "wheels"), (sdist, "sdists")]:
        for name, files in wanted.get(kind, {}).items():
            file_name, packed = make(name, files)
            place = folder / name
            place.mkdir(parents=True, exist_ok=True)
            (place / file_name).write_bytes(packed)
            (place / "index.html").write_text(f'<a href="{file_name}">{file_name}</a>')
            hashes[name] = hashlib.sha256(packed).hexdigest()
    print(json.dumps(hashes))


main()
