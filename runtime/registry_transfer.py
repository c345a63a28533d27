"""The registry as one file over the wire: a workbook, or a zip of CSV files; and as files of people."""

import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath

from api.services import Imported
from park.errors import NotFound, UserError
from runtime.registry_files import export_csv, export_xlsx, import_files
from runtime.storage.sql.registry import SqlRegistry

_MOST = 512 << 20  # bytes of all files of a zip, unpacked
_FILES = 50
_NAME = 200  # bytes of a file's name; file systems take 255


def pack(source: Path) -> tuple[str, bytes]:
    """Return (name, bytes) of a workbook, a CSV file or, zipped, a folder of CSV files. Raises NotFound."""
    if source.is_file():
        return source.name, source.read_bytes()
    if not source.is_dir():
        raise NotFound(f"there is no file or folder {source}")
    return f"{source.name}.zip", _zipped(source)


def unpack(content: bytes, target: Path) -> Iterator[Path]:
    """Write a workbook, or unzip CSV files into a folder; yield what was written."""
    if target.suffix.lower() == ".xlsx":
        target.write_bytes(content)
        yield target
        return
    target.mkdir(parents=True, exist_ok=True)
    yield from _unzipped(content, target)


def taken_in(registry: SqlRegistry, name: str, content: bytes, actor: str, now: int) -> Imported:
    """Import a workbook, a CSV file or a zip of them; all of it, or nothing and say why."""
    plain = _plain(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "files") if plain.lower().endswith(".zip") else Path(folder, plain)
        if path.name == "files":
            path.mkdir()
            list(_unzipped(content, path))
        else:
            path.write_bytes(content)
        report = import_files(registry, path, actor=actor, reason=f"import of {plain}", now=now)
    saved = {noun: report.new.get(noun, 0) + report.changed.get(noun, 0) for noun in {**report.new, **report.changed}}
    return Imported(
        {noun: n for noun, n in saved.items() if n and report.saved},
        [
            (f"{bad.file}:{bad.line}", f"{bad.column}: {bad.reason}" if bad.column else bad.reason)
            for bad in report.problems
        ],
    )


def given_out(registry: SqlRegistry, form: str) -> bytes:
    """Return the registry as a workbook ("xlsx") or as a zip of CSV files."""
    with tempfile.TemporaryDirectory() as folder:
        if form == "xlsx":
            export_xlsx(registry, Path(folder, "registry.xlsx"))
            return Path(folder, "registry.xlsx").read_bytes()
        export_csv(registry, Path(folder))
        return _zipped(Path(folder))


def _plain(name: str) -> str:
    """Return the name of a file without its folders, so that nothing lands elsewhere. Raises UserError."""
    plain = PurePath(name.replace("\\", "/")).name
    if not plain or plain.startswith(".") or not plain.isprintable() or len(plain.encode()) > _NAME:
        raise UserError(f"{name[:100]!r} is no name of a file")
    return plain


def _zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.glob("*.csv")):
            archive.write(path, path.name)
    return out.getvalue()


def _unzipped(content: bytes, target: Path) -> Iterator[Path]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [m for m in archive.infolist() if m.filename.lower().endswith(".csv")]
            if not members:
                raise UserError("there is no CSV file in the zip")
            if len(members) > _FILES or sum(m.file_size for m in members) > _MOST:
                raise UserError("the zip holds more than a registry can be")
            for member in members:
                path = target / _plain(member.filename)
                path.write_bytes(archive.read(member))
                yield path
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as why:
        raise UserError(f"that is no zip file: {why}") from why
