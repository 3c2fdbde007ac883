package io.github.composefs4j.fuse.protocol;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The kernel's side of the protocol, in memory: makes requests, takes replies. */
final class Requests {
  private final RequestHandler handler;
  private byte[] body = new byte[FuseSession.BODY_MAX];
  private int asked;

  Requests(RequestHandler handler) {
    this.handler = handler;
  }

  /** A reply: an errno, or a body. */
  record Reply(int result, ByteBuffer body) {
    int errno() {
      return result < 0 ? -result : 0;
    }
  }

  static byte[] request(int operation, long nodeId, byte[] body) {
    ByteBuffer request =
        ByteBuffer.allocate(FuseAbi.IN_HEADER + body.length).order(ByteOrder.LITTLE_ENDIAN);
    request.putInt(FuseAbi.IN_HEADER + body.length).putInt(operation).putLong(2).putLong(nodeId);
    request.putInt(0).putInt(0).putInt(1).putInt(0).put(body);
    return request.array();
  }

  Reply send(int operation, long nodeId, byte[] bytes) {
    return send(request(operation, nodeId, bytes));
  }

  Reply send(byte[] request) {
    asked = 0;
    int result =
        handler.handle(
            ByteBuffer.wrap(request).order(ByteOrder.LITTLE_ENDIAN),
            request.length,
            bytes -> {
              if (bytes < 0 || bytes > FuseSession.BODY_MAX) {
                throw new AssertionError("room for " + bytes + " bytes");
              }
              asked = bytes;
              return ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN);
            });
    if (result != RequestHandler.NO_REPLY && result > asked) {
      throw new AssertionError("a reply of " + result + " bytes in room for " + asked);
    }
    return new Reply(
        result,
        ByteBuffer.wrap(body.clone(), 0, Math.max(0, result)).order(ByteOrder.LITTLE_ENDIAN));
  }

  /** A kernel that offers everything. */
  Reply init(int minor, long flags) {
    ByteBuffer init = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    init.putInt(7).putInt(minor).putInt(131072).putInt((int) flags).putInt((int) (flags >>> 32));
    return send(FuseAbi.INIT, 0, init.array());
  }

  Reply lookup(long parent, String name) {
    return send(FuseAbi.LOOKUP, parent, name(name));
  }

  static byte[] name(String name) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(io.github.composefs4j.core.tree.FileName.encode(name));
    bytes.write(0);
    return bytes.toByteArray();
  }

  Reply read(int operation, long node, long offset, int size) {
    ByteBuffer read = ByteBuffer.allocate(40).order(ByteOrder.LITTLE_ENDIAN);
    read.putLong(0).putLong(offset).putInt(size);
    return send(operation, node, read.array());
  }

  Reply getxattr(long node, int size, String name) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putInt(size).putInt(0).array());
    bytes.writeBytes(name(name));
    return send(FuseAbi.GETXATTR, node, bytes.toByteArray());
  }
}
