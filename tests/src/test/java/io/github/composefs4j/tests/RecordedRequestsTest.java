package io.github.composefs4j.tests;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.composefs4j.core.erofs.ErofsImage;
import io.github.composefs4j.core.erofs.ImageBytes;
import io.github.composefs4j.core.erofs.ImageContents;
import io.github.composefs4j.core.erofs.ImageProfile;
import io.github.composefs4j.core.objects.LocalObjectStore;
import io.github.composefs4j.core.spi.RawPath;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.testkit.TreeSample;
import io.github.composefs4j.core.verified.Verifier;
import io.github.composefs4j.core.verified.VerifyOptions;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.fuse.Mounts;
import io.github.composefs4j.fuse.attach.FuseAttachment;
import io.github.composefs4j.fuse.protocol.ContentSource;
import io.github.composefs4j.fuse.protocol.FuseSession;
import io.github.composefs4j.fuse.protocol.RequestHandler;
import io.github.composefs4j.fuse.protocol.XattrDialect;
import io.github.composefs4j.fuse.transport.ChannelWorker;
import io.github.composefs4j.fuse.transport.FuseChannel;
import io.github.composefs4j.fuse.transport.FuseDevice;
import io.github.composefs4j.linux.LinuxPlatform;
import io.github.composefs4j.linux.sys.Abi;
import io.github.composefs4j.linux.sys.Fd;
import io.github.composefs4j.linux.sys.MountCalls;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a kernel really asks, recorded and then bent: nothing of it may end a thread that serves.
 * {@code -Dtest.malformed=N} sets how many bent requests there are.
 */
@Timeout(1200)
class RecordedRequestsTest {
  private static final int OPCODE = 4;
  private static final int ERRNO_MAX = 511;

  @TempDir Path scratch;

  /** Keeps a copy of each request. */
  private record Recorder(FuseDevice device, List<byte[]> requests) implements FuseChannel {
    @Override
    public int receive(MemorySegment request) throws IOException {
      int length = device.receive(request);
      if (length >= 0) {
        requests.add(request.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE));
      }
      return length;
    }

    @Override
    public void send(MemorySegment reply, int length) throws IOException {
      device.send(reply, length);
    }

    @Override
    public void close() {
      device.close();
    }
  }

  @Test
  void bentRequestsAreAnsweredOrIgnored() throws Exception {
    Requirements.root();
    Requirements.require(Files.exists(Path.of("/dev/fuse")), "/dev/fuse");
    Requirements.program("getfattr");
    TreeSample sample = TreeSample.write(scratch, 500);
    LinuxPlatform platform = new LinuxPlatform();
    try (ErofsImage image =
            ErofsImage.open(
                ImageBytes.of(Files.readAllBytes(sample.image()), "sample"),
                ImageProfile.COMPOSEFS);
        LocalObjectStore store =
            LocalObjectStore.open(platform, sample.objects(), HashAlgorithm.SHA256)) {
      ContentSource content =
          new ImageContents(List.of(store), new Verifier(VerifyOptions.defaults()))::open;
      List<byte[]> recorded = record(image, content);
      Set<Integer> operations = new TreeSet<>();
      recorded.forEach(request -> operations.add(buffer(request).getInt(OPCODE)));
      // LOOKUP, GETATTR, READLINK, OPEN, READ, STATFS, GETXATTR, LISTXATTR, INIT, READDIRPLUS
      assertThat(operations).contains(1, 5, 14, 15, 17, 22, 23, 26, 44);
      int rounds = Integer.getInteger("test.malformed", 20_000);
      for (XattrDialect dialect : XattrDialect.values()) {
        for (ContentSource each : new ContentSource[] {content, null}) {
          try (FuseSession session =
              new FuseSession(image, new FuseSession.Options(dialect, each, null, false))) {
            RequestHandler handler = session.handler();
            Seeds.forEach(
                1,
                random -> {
                  for (int i = 0; i < rounds / 6; i++) {
                    send(handler, bent(recorded, random));
                  }
                });
          }
        }
      }
      System.out.println(recorded.size() + " requests recorded, " + rounds + " bent ones sent");
    }
  }

  /** Serves a mount to programs that walk and read it. */
  private List<byte[]> record(ErofsImage image, ContentSource content) throws Exception {
    List<byte[]> requests = new ArrayList<>();
    Path target = Files.createDirectory(scratch.resolve("mnt"));
    FuseDevice device = FuseDevice.open();
    FuseSession session =
        new FuseSession(image, new FuseSession.Options(XattrDialect.TREE, content, null, false));
    Thread server =
        new Thread(new ChannelWorker(new Recorder(device, requests), session.handler(), 0));
    try (session) {
      try (Fd mount = FuseAttachment.detached(device, new byte[] {'x'}, true, 0);
          Fd place = Fd.open(RawPath.of(target), Abi.O_PATH | Abi.O_DIRECTORY)) {
        server.start();
        assertThat(session.awaitReady(Duration.ofSeconds(30))).isTrue();
        assertThat(MountCalls.attach(mount, place)).isZero();
      }
      Tool.Result walked =
          Tool.run(
              "sh",
              "-c",
              "cd \"$1\" && find . -ls && ls -lR links && tar cf - sizes/1000003 sizes/64 names |"
                  + " wc -c && getfattr -R -h -d -m - . && stat -f . && cat links/to-file"
                  + " && ! stat none",
              "sh",
              target.toString());
      Mounts.unmount(target, true);
      server.join();
      assertThat(walked.status()).as(walked.err()).isZero();
    }
    return requests;
  }

  private static ByteBuffer buffer(byte[] request) {
    return ByteBuffer.wrap(request).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] bent(List<byte[]> recorded, RandomGenerator random) {
    byte[] request = recorded.get(random.nextInt(recorded.size())).clone();
    for (int i = random.nextInt(4); i >= 0; i--) {
      int at = request.length == 0 ? 0 : random.nextInt(request.length);
      switch (random.nextInt(6)) {
        case 0 -> request = Arrays.copyOf(request, at);
        case 1 -> request = Arrays.copyOf(request, request.length + random.nextInt(300));
        case 2 -> {
          byte[] other = recorded.get(random.nextInt(recorded.size()));
          int length = Math.min(other.length, request.length) - Math.min(at, other.length);
          if (length > 0) {
            System.arraycopy(other, at, request, at, length);
          }
        }
        case 3 -> {
          int word = at & ~7;
          if (word + 8 <= request.length) {
            long[] extremes = {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, random.nextLong(), 1L << 40};
            buffer(request).putLong(word, extremes[random.nextInt(extremes.length)]);
          }
        }
        default -> {
          if (at < request.length) {
            request[at] ^= (byte) (1 << random.nextInt(8));
          }
        }
      }
    }
    if (request.length >= 4 && random.nextInt(8) != 0) {
      buffer(request).putInt(0, request.length); // else nobody looks further
    }
    return request;
  }

  private static void send(RequestHandler handler, byte[] request) {
    int[] room = {0};
    int result =
        handler.handle(
            buffer(request),
            request.length,
            bytes -> {
              assertThat(bytes).isBetween(0, FuseSession.BODY_MAX);
              room[0] = bytes;
              return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
            });
    assertThat(result == RequestHandler.NO_REPLY || result >= -ERRNO_MAX && result <= room[0])
        .as("result %d with room for %d", result, room[0])
        .isTrue();
  }
}
