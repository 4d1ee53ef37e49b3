# ruff: noqa: SLF001 - there is no public way to lend picamera2 what a Pi has
"""What a Pi has and the virtual camera lacks; imported by a .pth file, in the test box only.

picamera2 itself stays as it was released. It wants four things that only a Pi gives:

- `pykms`, for previews on a screen: an importable module of that name is enough;
- raw modes of the sensor: the virtual camera has no sensor, so one mode is claimed;
- buffers with one plane: the virtual pipeline wants two, which libcamera's own allocator makes;
- a word about each frame: the virtual pipeline leaves its status as it finds it in memory, and
  picamera2 throws frames away that are not called good. Here all of them are.
"""

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

_PATCHED = "picamera2.picamera2"
_IS_GOOD = ".metadata.status == libcamera.FrameMetadata.Status.Success"
_RAW_MODE = {"format": "SRGGB10", "size": (1920, 1080)}


class _AnyName:
    """Has every attribute, as its own name."""

    def __getattr__(self, name: str) -> str:
        return name


def _adapt(module: Any) -> None:
    """Make the virtual camera usable by the `Picamera2` class of `module`."""
    from picamera2.allocators import LibcameraAllocator  # noqa: PLC0415 - this loads on demand

    opened: list[Any] = []
    open_camera = module.Picamera2._open_camera

    def remember(self: Any) -> None:
        open_camera(self)
        opened[:] = [self.camera]

    module.Picamera2._open_camera = remember
    module.Picamera2._get_raw_modes = lambda _self: [_RAW_MODE]
    module.DmaAllocator = lambda: LibcameraAllocator(opened[0])


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs a module as it was released but for the judgement of frames, then adapts it."""

    def exec_module(self, module: ModuleType) -> None:
        source = self.get_source(self.name)
        if source is None or source.count(_IS_GOOD) != 1:
            raise ImportError("this picamera2 judges frames in another way")
        path = self.get_filename(self.name)
        exec(self.source_to_code(source.replace(_IS_GOOD, ""), path), module.__dict__)  # noqa: S102
        _adapt(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Puts `_Loader` before the real one, for one module."""

    def find_spec(
        self, name: str, path: Any, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != _PATCHED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(name, spec.origin)
        return spec


sys.modules.setdefault("pykms", SimpleNamespace(PixelFormat=_AnyName()))  # type: ignore[arg-type]
sys.meta_path.insert(0, _Finder())
