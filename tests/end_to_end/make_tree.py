#!/usr/bin/env python3
"""make_tree.py DIR: a tree with everything that `cp -a` keeps, the same one every time."""

import os
import random
import socket
import stat
import struct
import subprocess
import sys

rng = random.Random(20261122)
root = os.fsencode(sys.argv[1])
as_root = os.geteuid() == 0


def at(*names):
    return os.path.join(root, *names)


def write(path, data, mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)
    return path


def names():
    os.makedirs(at(b"names"))
    for name in [b"plain", b"two words", b" lead and trail ", b"new\nline", b"\xff\xfe\x80bytes",
                 "Grüße-日本".encode(), b"-dash", b"back\\slash", b"quote'\"", b"*?[x]", b"n" * 255]:
        write(at(b"names", name), name)
    deep = at(b"deep", *[b"level%02d" % i for i in range(30)])
    os.makedirs(deep)
    write(os.path.join(deep, b"bottom"), b"here")
    os.makedirs(at(b"empty folder"))


def sizes():
    os.makedirs(at(b"sizes"))
    for size in [0, 1, 59, 60, 61, 511, 512, 4095, 4096, 4097, 65536, 1048575, 24 << 20]:
        write(at(b"sizes", b"%d" % size), rng.randbytes(size))
    os.makedirs(at(b"many"))
    for i in range(2500):
        write(at(b"many", b"entry-%05d-with-a-name-of-some-length" % i), b"%d\n" % i)


def holes():
    os.makedirs(at(b"holes"))
    with open(at(b"holes", b"islands"), "wb") as file:
        for offset in [0, 1 << 20, (9 << 20) + 4096, 40 << 20]:
            file.seek(offset)
            file.write(rng.randbytes(5000))
        file.truncate(64 << 20)
    with open(at(b"holes", b"all hole"), "wb") as file:
        file.truncate(1 << 30)
    with open(at(b"holes", b"checkerboard"), "wb") as file:  # more extents than an inode holds
        for i in range(600):
            file.seek(i * 8192)
            file.write(b"x" * 4096)


def links():
    os.makedirs(at(b"links"))
    write(at(b"links", b"one"), b"three names, one file")
    os.link(at(b"links", b"one"), at(b"links", b"two"))
    os.link(at(b"links", b"one"), at(b"deep", b"three"))
    os.symlink(b"one", at(b"links", b"short"))
    os.symlink(b"../" * 40 + b"far", at(b"links", b"long"))
    os.symlink(b"t" * 59, at(b"links", b"59"))
    os.symlink(b"t" * 60, at(b"links", b"60"))
    os.symlink(b"../deep", at(b"links", b"folder"))
    os.symlink(b"/nowhere/\xff", at(b"links", b"dangling"))


def specials():
    os.makedirs(at(b"special"))
    os.mkfifo(at(b"special", b"fifo"), 0o620)
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(at(b"special"))
        listener.bind(b"socket")
        os.chdir(here)
    if as_root:
        for name, kind, numbers in [(b"null", stat.S_IFCHR, (1, 3)), (b"disk", stat.S_IFBLK, (7, 200)),
                                    (b"large", stat.S_IFCHR, (300, 70000))]:
            os.mknod(at(b"special", name), kind | 0o640, os.makedev(*numbers))


def attributes():
    os.makedirs(at(b"attributes"))
    for mode in [0o0, 0o444, 0o755, 0o1644, 0o2755, 0o4755, 0o7777]:
        write(at(b"attributes", b"mode%04o" % mode), b"", mode)
    os.makedirs(at(b"attributes", b"sticky"))
    os.chmod(at(b"attributes", b"sticky"), 0o1777)
    if as_root:
        for owner in [1, 1234, 65536, 4000000000]:
            path = write(at(b"attributes", b"owner%d" % owner), b"")
            os.lchown(path, owner, owner + 1)
    small = write(at(b"attributes", b"xattrs"), b"")
    for i in range(6):
        os.setxattr(small, b"user.note%d" % i, rng.randbytes(20))
    os.setxattr(small, b"user.empty", b"")
    large = write(at(b"attributes", b"large xattr"), b"")
    os.setxattr(large, b"user.large", rng.randbytes(3000))
    os.setxattr(at(b"attributes", b"sticky"), b"user.on.a.folder", b"yes")
    if as_root:
        os.setxattr(small, b"trusted.note", b"seen by root")
        capability = struct.pack("<IIIII", 0x02000000, 1 << 13, 0, 0, 0)  # cap_net_raw
        os.setxattr(small, b"security.capability", capability)
    listed = write(at(b"attributes", b"acl"), b"")
    folder = at(b"attributes", b"default acl")
    os.makedirs(folder)
    for acl in [["-m", "u:1234:rw,g:5678:r,m::rw", listed],
                ["-m", "u:1234:rwx,d:u:1234:rwx,d:g::r-x", folder]]:
        subprocess.run(["setfacl", *acl], check=True)
    write(os.path.join(folder, b"heir"), b"")


def times():
    os.makedirs(at(b"times"))
    for name, seconds in [(b"1960", -315619200), (b"1970", 0), (b"2038", 2**31), (b"2100", 4102444800)]:
        path = write(at(b"times", name), b"")
        os.utime(path, ns=(seconds * 10**9 + 987654321, seconds * 10**9 + 123456789))
    os.utime(at(b"links", b"dangling"), ns=(10**18 + 1, 10**18 + 2), follow_symlinks=False)
    os.utime(at(b"special", b"fifo"), ns=(10**18 + 3, 10**18 + 4))
    for folder in [b"times", b"empty folder"]:
        os.utime(at(folder), ns=(10**18 + 5, 10**18 + 6))


os.makedirs(root, exist_ok=True)
for part in [names, sizes, holes, links, specials, attributes, times]:
    part()
os.chmod(root, 0o751)
os.utime(root, ns=(10**18 + 7, 10**18 + 8))
