"""Bodies that are not JSON, for schemathesis."""

import io
import tarfile

import schemathesis


@schemathesis.serializer("application/x-tar")
def tar(_context, value):
    """A tar archive with one file that holds what was generated: a package in form, if not in content."""
    content = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("PLUGIN_MANIFEST.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return {"data": file.getvalue()}


@schemathesis.deserializer("application/octet-stream")
def octets(_context, response):
    """Bytes, as the document says."""
    return response.content.decode("latin-1")
