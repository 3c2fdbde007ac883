package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A directory with every kind of file and all metadata that a file system here can hold, but no
 * whiteouts: an overlay shows those in a form of their own.
 */
final class SampleTree {
  private SampleTree() {}

  private static final String SCRIPT =
      """
      import os, socket, struct, sys
      os.umask(0)
      os.chdir(sys.argv[1])
      def write(name, data, mode=0o644):
          with open(name, 'wb') as f: f.write(data)
          os.chmod(name, mode)
      for size in (0, 1, 64, 65, 4095, 4096, 4097, 1 << 20, (1 << 20) + 1):
          write('size-%d' % size, bytes((i * 7 + size) % 251 for i in range(min(size, 5000))).ljust(size, b'x'))
      with open('sparse', 'wb') as f:
          f.truncate(3 << 20); f.seek(1 << 20); f.write(b'data'); f.seek((3 << 20) + 5); f.write(b'end')
      for name in (b'\\xff\\xfe not text', b'n' * 255, b' spaces ', b'new\\nline', b'back\\\\slash', b'a,b:c=d', '\\u00fc\\u20ac'.encode()):
          write(name, name)
      os.mkdir('sub'); os.mkdir('sub/deep'); os.mkdir('empty'); os.mkdir('sticky')
      os.link('size-4097', 'sub/hard'); os.link('size-4097', 'sub/deep/hard too'); os.link('size-1', 'zz-small')
      os.symlink('size-1', 'link'); os.symlink('x/' * 1000, 'sub/long link'); os.symlink(b'\\xff/nowhere', 'sub/dangling')
      os.link('link', 'sub/hard link of a link', follow_symlinks=False)
      os.mkfifo('fifo'); os.link('fifo', 'sub/fifo')
      s = socket.socket(socket.AF_UNIX); s.bind('socket'); s.close()
      os.mknod('char', 0o20666, os.makedev(1, 3)); os.mknod('block', 0o60640, os.makedev(259, 1048575))
      write('suid', b'#!/bin/sh\\n', 0o6755); write('secret', b'none may read', 0); os.chmod('sticky', 0o1777)
      os.mkdir('many')
      for i in range(1500): write('many/file with a longer name %d' % i, b'c%d' % (i % 40) * (i % 50))
      for file in ('size-65', 'sub', 'link', 'fifo'):
          os.setxattr(file, 'trusted.composefs', b'\\0\\1\\xff', follow_symlinks=False)
      for file in ('size-65', 'size-1', 'sub', 'empty'):
          os.setxattr(file, 'user.name', b'value'); os.setxattr(file, 'user.empty', b'')
          os.setxattr(file, 'user.long', b'v' * 1500)
      os.setxattr('suid', 'security.capability', struct.pack('<IIIII', 0x02000001, 1 << 10, 0, 0, 0))
      acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', t, p, i) for t, p, i in
          ((1, 6, 0xffffffff), (2, 4, 1234), (4, 4, 0xffffffff), (16, 4, 0xffffffff), (32, 0, 0xffffffff)))
      os.setxattr('size-64', 'system.posix_acl_access', acl)
      os.setxattr('sub', 'system.posix_acl_default', acl)
      os.chown('size-4096', 12345, 4294967294); os.chown('sub/deep', 65534, 65534); os.lchown('link', 7, 8)
      for i, (path, dirs, files) in enumerate(os.walk(b'.', topdown=False)):
          for j, name in enumerate(files + dirs):
              t = (-1000000000 + j, 1234567890 + i, 4000000000)[j % 3] * 10**9 + (j * 123456789) % 10**9
              os.utime(os.path.join(path, name), ns=(t, t), follow_symlinks=False)
      os.utime('.', ns=(987654321, 1234567890123456789))
      """;

  /** {@return {@code directory}, made and filled; needs root} */
  static Path make(Path directory) throws Exception {
    Requirements.root();
    Requirements.program("python3");
    Files.createDirectory(directory);
    Tool.Result made = Tool.run("python3", "-c", SCRIPT, directory.toString());
    assertThat(made.err()).isEmpty();
    return directory;
  }
}
