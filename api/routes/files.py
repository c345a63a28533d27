"""The whole registry as a file, out and in."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from fastapi import Body, FastAPI, Query, Response
from fastapi.responses import FileResponse
from starlette.types import Receive, Scope, Send

from api.bodies import Time
from api.door import Caller
from api.permissions import V1
from api.schemas import ImportedOut, ImportProblem
from api.series import check_range
from api.services import Services
from api.view import View
from park.errors import Forbidden
from park.roles import Principal

_PROBLEMS_SHOWN = 1_000


class FileForm(StrEnum):
    """Forms of a registry file."""

    CSV = "csv"
    XLSX = "xlsx"


_MEDIA = {
    FileForm.CSV: "application/zip",
    FileForm.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_DAY = 86_400_000  # ms
_PARQUET = "application/vnd.apache.parquet"  # as IANA lists it
_ENDING = {FileForm.CSV: "zip", FileForm.XLSX: "xlsx"}


class _GivenOut(FileResponse):
    """A file that was made for one answer, and goes with it: also with one that was refused or cut off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)  # noqa: ASYNC240 - nothing may be awaited where one is cancelled


def _whole(caller: Principal) -> None:
    if caller.parks is not None:
        raise Forbidden("files hold all parks, and so must the key")


def add(app: FastAPI, services: Services, view: View) -> None:  # noqa: ARG001
    """Add the routes."""

    @app.get(f"{V1}/registry/export", tags=["files"], response_class=Response)
    def registry_export(caller: Caller, form: FileForm = FileForm.CSV) -> Response:
        """Return the registry: a zip with one CSV a noun, or a workbook with one sheet a noun."""
        _whole(caller)
        name = f'attachment; filename="registry.{_ENDING[form]}"'
        return Response(services.registry_export(form), headers={"Content-Disposition": name}, media_type=_MEDIA[form])

    @app.get(f"{V1}/backup", tags=["files"], response_class=FileResponse)
    def backup(caller: Caller) -> Response:
        """Return everything as one compressed tar file, from which `park restore` fills an empty folder."""
        _whole(caller)
        path = services.backup()
        return _GivenOut(path, media_type="application/gzip", filename=path.name)

    @app.get(f"{V1}/readings/export", tags=["files"], response_class=FileResponse)
    def readings_export(
        caller: Caller,
        start: Annotated[Time | None, Query(description="epoch ms; a day before the end if left out")] = None,
        end: Annotated[Time | None, Query(description="epoch ms, exclusive; now if left out")] = None,
    ) -> Response:
        """Return all readings of a time as one Parquet file: point, ts, value, quality, received."""
        _whole(caller)
        end = services.now() + 1 if end is None else end
        start = max(0, end - _DAY) if start is None else start
        check_range(start, end)
        path = services.readings_export(start, end)
        return _GivenOut(path, media_type=_PARQUET, filename="readings.parquet")

    @app.post(f"{V1}/registry/import", tags=["files"])
    def registry_import(
        caller: Caller,
        content: Annotated[bytes, Body(media_type="application/octet-stream")],
        name: Annotated[str, Query(max_length=200, description="its file name: registry.zip, parks.csv, x.xlsx")],
    ) -> ImportedOut:
        """Take in a registry file: all of it, or nothing with every bad row named."""
        _whole(caller)
        outcome = services.registry_import(name, content, caller.name)
        if not outcome.problems:
            services.registry_changed()
        shown = outcome.problems[:_PROBLEMS_SHOWN]
        return ImportedOut(
            saved=dict(outcome.saved), problems=[ImportProblem(where=where, why=why) for where, why in shown]
        )
