"""The file backend: follows growing log files through every kind of rotation.

source.py    where it is told what to follow: the URL and its options, the pattern's files
opening.py   opening a file, or saying in one line why not; plain and compressed logs behind one face
position.py  the position: which file it was and how far it was read
rotation.py  the files a log was rotated to, oldest first
follow.py    one log followed through its rotations
backend.py   all logs of one URL, behind the contract of backends.base
"""

from backends.file.backend import FileBackend

__all__ = ["FileBackend"]
