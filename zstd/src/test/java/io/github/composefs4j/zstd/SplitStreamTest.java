package io.github.composefs4j.zstd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.composefs4j.core.errors.ComposefsException;
import io.github.composefs4j.core.errors.CorruptStreamException;
import io.github.composefs4j.core.objects.ObjectReader;
import io.github.composefs4j.core.spi.StreamCodec;
import io.github.composefs4j.core.stream.ContentType;
import io.github.composefs4j.core.stream.NamedReference;
import io.github.composefs4j.core.stream.SplitStream;
import io.github.composefs4j.core.stream.SplitStreamWriter;
import io.github.composefs4j.core.testkit.Seeds;
import io.github.composefs4j.core.verity.Digest;
import io.github.composefs4j.core.verity.HashAlgorithm;
import io.github.composefs4j.core.verity.VerityHasher;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The examples of splitstream.md, section 8, and its list of section 9. */
class SplitStreamTest {
  private static final StreamCodec CODEC = StreamCodec.find().orElseThrow();

  private static final String SMALL =
      "53706c697453747265616d000000010c20000000000000007000000000000000"
          + "70000000000000009000000000000000"
          + "9000000000000000b000000000000000"
          + "c000000000000000de00000000000000"
          + "b000000000000000c000000000000000"
          + "6f63696c617965725400000000000000"
          + "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95"
          + "473a40d2dfa096afc2bd"
          + "c621a949dc1d1dfc1c59a7c3cac4a760209c7b288831"
          + "28b52ffd0058390000303a64656d6f00"
          + "28b52ffd0058ad000060fcff41414141"
          + "00fdff0000000310000367"
          + "3d6001";

  private static final String CONFIG =
      "53706c697453747265616d000000010c20000000000000007000000000000000"
          + "7000000000000000d000000000000000d000000000000000f000000000000000"
          + "84010000000000009501000000000000f0000000000000008401000000000000"
          + "6f6369636f6e66672b0100000000000061c07629b8a41273f190744a8545c132"
          + "e6b784dcb2235bb31ade307a83e092ffce472620ab69da46e385b0936865ef22"
          + "f940e6bf55a083d3be37b1003795e22199ce11df4bb808a1e80ce69425dae527"
          + "b64aa7a270bf99c4a6e24d66be270f3f1dc5a7ea2c7a2d322c8ab613e8427bfe"
          + "3fec9e6775b3c85896421a588d7c0e1728b52ffd00585d0400d2cc1f149025c9"
          + "03c7c00a21cc8cf097ed2e89a4ff7f011b41b3dcbb2813ebc773a216d5c4abeb"
          + "9aa696bdd8b68f842c7683a4f4c8d2c1064e804377588e5257542f7705c90ba5"
          + "1413541fda319dad1db928e4f8e6bb5b7d373c18be917083712e437f7a396955"
          + "2caad9d6141093303f75b87ca344083c09de060b81b349808080040200019058"
          + "9a229c0128b52ffd00584100000000000000000000";

  private static final String LAYER =
      "53706c697453747265616d000000010c20000000000000007000000000000000"
          + "7000000000000000700000000000000070000000000000009000000000000000"
          + "9900000000000000ed0000000000000090000000000000009900000000000000"
          + "6f63696c61796572000a000000000000f6fa43bbc0a7908e2ef77438244159e9"
          + "dec289dfc4c49d229237f9797a6a9b7928b52ffd200001000028b52ffd00585d"
          + "0200440200feff616c7068610030303030373030303137353637353100307573"
          + "746172003030e8fb0e00144105c080186e2898200624e7a80000831b3463660d"
          + "45c0cd6280df95d62c98d28221";

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text);
  }

  private static SplitStream open(byte[] bytes, HashAlgorithm algorithm) throws IOException {
    return SplitStream.open(
        new ObjectReader() {
          @Override
          public long size() {
            return bytes.length;
          }

          @Override
          public int read(long position, byte[] into, int offset, int length) {
            int part = Math.clamp(bytes.length - position, 0, length);
            System.arraycopy(bytes, (int) Math.min(position, bytes.length), into, offset, part);
            return part;
          }

          @Override
          public void close() {}
        },
        "test",
        algorithm);
  }

  private static SplitStream open(byte[] bytes) throws IOException {
    return open(bytes, HashAlgorithm.SHA256);
  }

  private static byte[] content(SplitStream stream, Map<Digest, byte[]> objects)
      throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    stream.writeTo(
        CODEC,
        (digest, to) -> {
          byte[] object = objects.get(digest);
          if (object == null) {
            throw new IOException("missing");
          }
          to.write(object);
          return object.length;
        },
        out);
    return out.toByteArray();
  }

  private static Map<Digest, byte[]> objects(byte[]... all) {
    Map<Digest, byte[]> objects = new HashMap<>();
    for (byte[] each : all) {
      objects.put(VerityHasher.digest(HashAlgorithm.SHA256, each), each);
    }
    return objects;
  }

  @Test
  void readsTheSmallExample() throws IOException {
    assertThat(VerityHasher.digest(HashAlgorithm.SHA256, hex(SMALL)).hex())
        .isEqualTo("c9c65dab324fa0a91a23211c7188aff0eb237f17bcc82cb2958157c5ed32fc44");
    byte[] hello = "hello world".repeat(7).getBytes(StandardCharsets.US_ASCII);
    try (SplitStream stream = open(hex(SMALL))) {
      assertThat(stream.contentType()).isEqualTo(ContentType.OCI_LAYER);
      assertThat(stream.size()).isEqualTo(84);
      assertThat(stream.names(CODEC))
          .containsExactly(
              new NamedReference("demo", VerityHasher.digest(HashAlgorithm.SHA256, new byte[0])));
      assertThat(new String(content(stream, objects(hello)), StandardCharsets.US_ASCII))
          .isEqualTo("AAAA" + "hello world".repeat(7) + "\0\0\0");
    }
  }

  @Test
  void readsAConfigAndALayer() throws Exception {
    try (SplitStream stream = open(hex(CONFIG))) {
      assertThat(stream.contentType()).isEqualTo(ContentType.OCI_CONFIG);
      assertThat(stream.names(CODEC)).hasSize(3);
      assertThat(stream.names(CODEC).getFirst().name())
          .isEqualTo("sha256:757d6903198804b6ed96421a93a9973f5facc0e445a2a6c61cb0129eb67026e2");
      assertThat(stream.objects()).hasSize(1);
    }
    try (SplitStream stream = open(hex(LAYER))) {
      byte[] tar = content(stream, objects(new byte[1000]));
      assertThat(tar).hasSize(2560);
      assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(tar)))
          .isEqualTo("757d6903198804b6ed96421a93a9973f5facc0e445a2a6c61cb0129eb67026e2");
      assertThat(stream.names(null)).isEmpty();
    }
  }

  @Test
  void anEmptyStreamIsTheReferences() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new SplitStreamWriter(HashAlgorithm.SHA256, 0, CODEC).finish(Channels.newChannel(out));
    assertThat(out.size()).isEqualTo(130);
    assertThat(VerityHasher.digest(HashAlgorithm.SHA256, out.toByteArray()).hex())
        .isEqualTo("7ff9fe4ec4e321464efd75c3fde78232cad5f8d6e7f11d31245043c163e16f8e");
    assertThat(content(open(out.toByteArray()), Map.of())).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(HashAlgorithm.class)
  void whatIsWrittenIsReadBack(HashAlgorithm algorithm) {
    Seeds.forEach(
        50,
        random -> {
          SplitStreamWriter writer = new SplitStreamWriter(algorithm, random.nextLong(), CODEC);
          ByteArrayOutputStream content = new ByteArrayOutputStream();
          Map<Digest, byte[]> objects = new HashMap<>();
          Map<String, Digest> names = new HashMap<>();
          for (int i = random.nextInt(30); i > 0; i--) {
            byte[] bytes = new byte[random.nextInt(i % 7 == 0 ? 300_000 : 600)];
            if (random.nextBoolean()) {
              random.nextBytes(bytes);
            }
            if (bytes.length > 64 && random.nextBoolean()) {
              Digest digest = VerityHasher.digest(algorithm, bytes);
              objects.put(digest, bytes);
              writer.external(digest, bytes.length);
              if (random.nextBoolean()) {
                names.put("n:ü" + random.nextInt(5), digest);
              }
            } else {
              writer.inline(bytes, 0, bytes.length);
            }
            content.writeBytes(bytes);
          }
          names.forEach(writer::reference);
          ByteArrayOutputStream out = new ByteArrayOutputStream();
          writer.finish(Channels.newChannel(out));
          try (SplitStream stream = open(out.toByteArray(), algorithm)) {
            assertThat(content(stream, objects)).isEqualTo(content.toByteArray());
            assertThat(stream.size()).isEqualTo(content.size());
            Map<String, Digest> back = new HashMap<>();
            stream.names(CODEC).forEach(each -> back.put(each.name(), each.digest()));
            assertThat(back).isEqualTo(names);
          }
        });
  }

  /** A stream with this body, as a file. */
  private static byte[] withBody(byte[] frames, long size) {
    ByteBuffer file = ByteBuffer.allocate(112 + 32 + 9 + frames.length);
    file.order(ByteOrder.LITTLE_ENDIAN);
    file.put("SplitStream".getBytes(StandardCharsets.US_ASCII)).put(new byte[3]);
    file.put((byte) 1).put((byte) 12).putLong(32).putLong(112);
    file.putLong(112).putLong(112).putLong(112).putLong(144);
    file.putLong(153).putLong(153 + frames.length).putLong(144).putLong(153);
    file.putLong(0).putLong(size);
    file.put(VerityHasher.digest(HashAlgorithm.SHA256, new byte[100]).bytes());
    file.put(hex("28b52ffd2000010000")).put(frames);
    return file.array();
  }

  private static byte[] frame(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (OutputStream compressed = CODEC.compress(out)) {
      compressed.write(bytes);
    }
    return out.toByteArray();
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  @Test
  void framesFollowEachOtherAndChunksSpanThem() throws IOException {
    byte[] body = join(hex("fcffffffffffffff41424344"), hex("feffffffffffffff4546"));
    byte[] skippable = hex("502a4d1803000000010203");
    byte[] file =
        withBody(
            join(
                frame(Arrays.copyOf(body, 10)),
                skippable,
                frame(Arrays.copyOfRange(body, 10, body.length))),
            6);
    assertThat(new String(content(open(file), Map.of()), StandardCharsets.US_ASCII))
        .isEqualTo("ABCDEF");
  }

  @ParameterizedTest
  @CsvSource({
    "fcffffffffffffff414243, 4",
    "fcffffffffffffff, 4",
    "fcffffff, 4",
    "0100000000000000, 100",
    "0000000000000000, 99",
    "0000000000000000, 101",
    "0000000000000080, 100",
    "00000000000000ff, 1000",
    "fcffffffffffffff41424344, 3",
    "fcffffffffffffff41424344, 5"
  })
  void badBodiesAreRefused(String body, long size) throws IOException {
    byte[] file = withBody(frame(hex(body)), size);
    assertThatThrownBy(() -> content(open(file), objects(new byte[100])))
        .isInstanceOf(CorruptStreamException.class);
  }

  @Test
  void garbageAfterTheFramesAndDamagedFramesAreRefused() throws IOException {
    byte[] good = frame(hex("fcffffffffffffff41424344"));
    for (byte[] frames :
        List.of(
            join(good, hex("00")),
            join(good, hex("0102030405060708")),
            Arrays.copyOf(good, good.length - 1),
            new byte[0],
            hex("28b52ffd"))) {
      assertThatThrownBy(() -> content(open(withBody(frames, 4)), Map.of()))
          .as(HexFormat.of().formatHex(frames))
          .isInstanceOf(CorruptStreamException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 11, 14, 15, 16, 24, 32, 40, 48, 56, 64, 80, 88})
  void brokenFieldsAreRefused(int at) throws IOException {
    byte[] file = hex(SMALL);
    file[at] ^= (byte) (at >= 16 ? 0xff : 1);
    file[Math.max(at, at >= 16 ? at + 7 : 0)] ^= (byte) (at >= 16 ? 0x7f : 0);
    assertThatThrownBy(() -> open(file).names(CODEC)).isInstanceOf(ComposefsException.class);
  }

  @Test
  void everyTruncationIsRefusedAndNoFlipEscapes() throws IOException {
    byte[] file = hex(SMALL);
    Map<Digest, byte[]> objects =
        objects("hello world".repeat(7).getBytes(StandardCharsets.US_ASCII));
    for (int length = 0; length < file.length; length++) {
      byte[] cut = Arrays.copyOf(file, length);
      assertThatThrownBy(() -> content(open(cut), objects)).isInstanceOf(IOException.class);
    }
    for (int bit = 0; bit < 8 * file.length; bit++) {
      byte[] flipped = file.clone();
      flipped[bit / 8] ^= (byte) (1 << bit % 8);
      try (SplitStream stream = open(flipped)) {
        stream.names(CODEC);
        content(stream, objects);
      } catch (IOException e) {
        // what a flip in the magic, a table or a frame gives; anything unchecked fails the test
      }
    }
  }

  @Test
  void readsTheOldHeader() throws IOException {
    byte[] file = hex(LAYER);
    byte[] old = file.clone();
    System.arraycopy(file, 16, old, 0, 16);
    System.arraycopy(file, 12, old, 16, 2);
    System.arraycopy(file, 0, old, 18, 12);
    System.arraycopy(file, 14, old, 30, 2);
    assertThat(content(open(old), objects(new byte[1000]))).hasSize(2560);
  }

  @Test
  void readsWhatTheProgramPacks() throws Exception {
    io.github.composefs4j.core.testkit.Tools.require(
        new java.io.File("/usr/bin/zstd").canExecute(), "needs the program zstd");
    byte[] body = new byte[8 + 3_000_000];
    ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN).putLong(0, -3_000_000);
    for (int i = 8; i < body.length; i++) {
      body[i] = (byte) (i * 31 >> 5);
    }
    for (String level : List.of("-1", "-3", "-19", "--check")) {
      Process zstd = new ProcessBuilder("zstd", "-q", "-c", level).start();
      Thread.startVirtualThread(() -> {
        try (OutputStream in = zstd.getOutputStream()) {
          in.write(body);
        } catch (IOException e) {
          // the test sees what is missing
        }
      });
      byte[] frames = zstd.getInputStream().readAllBytes();
      assertThat(content(open(withBody(frames, 3_000_000)), Map.of()))
          .isEqualTo(Arrays.copyOfRange(body, 8, body.length));
    }
    Process unzstd = new ProcessBuilder("zstd", "-q", "-d", "-c").start();
    byte[] packed = frame(body);
    Thread.startVirtualThread(() -> {
      try (OutputStream in = unzstd.getOutputStream()) {
        in.write(packed);
      } catch (IOException e) {
        // as above
      }
    });
    try (InputStream in = unzstd.getInputStream()) {
      assertThat(in.readAllBytes()).isEqualTo(body);
    }
    assertThat(new ByteArrayInputStream(packed).readAllBytes()[4] & 0x20).isZero();
  }
}
