package io.github.composefs4j.core.repository;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.errors.RepositoryException;
import io.github.composefs4j.core.errors.RepositoryException.Reason;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The content of {@code meta.json} (repository.md, section 3): parsed by its strict rules, written
 * in its canonical bytes.
 *
 * @param version of the format; at most 1 can be used
 * @param algorithm as it stands there
 * @param compatible flags that nobody needs to know
 * @param readOnlyCompatible flags that a writer must know
 * @param incompatible flags that everybody must know
 */
record Metadata(
    long version,
    String algorithm,
    List<String> compatible,
    List<String> readOnlyCompatible,
    List<String> incompatible,
    FormatVersion format,
    Set<FormatVersion> extraFormats) {
  static final int SIZE_MAX = 1 << 20;

  private static final int VERSION = 1;
  private static final String V1_EROFS = "v1_erofs";
  private static final int BLOCK_BITS = 12;

  private static final List<String> MEMBERS =
      List.of("version", "algorithm", "features", "erofs_formats");
  private static final List<String> FEATURES =
      List.of("compatible", "read-only-compatible", "incompatible");
  private static final List<String> FORMATS = List.of("default", "extra");

  static Metadata of(RepositoryConfig config) {
    return new Metadata(
        VERSION,
        config.algorithmName(),
        List.of(),
        config.format() == FormatVersion.V1 ? List.of(V1_EROFS) : List.of(),
        List.of(),
        config.format(),
        config.extraFormats());
  }

  static String algorithmName(HashAlgorithm algorithm) {
    return "fsverity-" + algorithm.label() + "-" + BLOCK_BITS;
  }

  static @Nullable HashAlgorithm algorithmOf(String name) {
    for (HashAlgorithm algorithm : HashAlgorithm.values()) {
      if (algorithmName(algorithm).equals(name)) {
        return algorithm;
      }
    }
    return null;
  }

  Metadata withCompatible(List<String> flags) {
    return new Metadata(
        version, algorithm, flags, readOnlyCompatible, incompatible, format, extraFormats);
  }

  /** The effective configuration (3.4). */
  RepositoryConfig config() throws RepositoryException {
    if (version > VERSION) {
      throw new RepositoryException(
          Reason.UNSUPPORTED_VERSION,
          "meta.json: version " + version + " is later than " + VERSION);
    }
    HashAlgorithm known = algorithmOf(algorithm);
    if (known == null) {
      throw invalid("algorithm '" + algorithm + "' is not supported");
    }
    if (!incompatible.isEmpty()) {
      throw new RepositoryException(
          Reason.INCOMPATIBLE_FEATURES,
          "meta.json: unknown incompatible features: " + String.join(", ", incompatible));
    }
    boolean legacy = format == FormatVersion.V2 && extraFormats.isEmpty();
    if (legacy && readOnlyCompatible.contains(V1_EROFS)) {
      return RepositoryConfig.of(known, FormatVersion.V1);
    }
    return new RepositoryConfig(known, format, extraFormats);
  }

  /** Features that a writer must know and we do not. */
  List<String> unknownForWriting() {
    return readOnlyCompatible.stream().filter(name -> !name.equals(V1_EROFS)).toList();
  }

  byte[] bytes() {
    StringBuilder json = new StringBuilder("{\n  \"version\": ").append(version);
    json.append(",\n  \"algorithm\": \"").append(algorithm);
    json.append("\",\n  \"features\": {\n");
    appendArray(json, FEATURES.get(0), compatible, ",\n");
    appendArray(json, FEATURES.get(1), readOnlyCompatible, ",\n");
    appendArray(json, FEATURES.get(2), incompatible, "\n");
    json.append("  },\n  \"erofs_formats\": {\n    \"default\": ").append(format.number());
    String separator = ",\n    \"extra\": [\n      ";
    for (FormatVersion each :
        new RepositoryConfig(HashAlgorithm.SHA256, format, extraFormats).formats()) {
      if (each != format) {
        json.append(separator).append(each.number());
        separator = ",\n      ";
      }
    }
    json.append(separator.startsWith(",\n    \"") ? "\n  }\n}\n" : "\n    ]\n  }\n}\n");
    return json.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Only flags of ours are ever written, which need no escapes. */
  private static void appendArray(
      StringBuilder json, String name, List<String> values, String end) {
    json.append("    \"").append(name).append("\": [");
    String separator = "\n      ";
    for (String value : values) {
      json.append(separator).append('"').append(value).append('"');
      separator = ",\n      ";
    }
    json.append(values.isEmpty() ? "]" : "\n    ]").append(end);
  }

  static Metadata parse(byte[] bytes) throws RepositoryException {
    if (bytes.length > SIZE_MAX) {
      throw invalid("more than " + SIZE_MAX + " bytes");
    }
    // Bytes that are not UTF-8 are tolerated in what is not known; see text() for what is.
    String json = new String(bytes, StandardCharsets.UTF_8);
    if (json.startsWith("\ufeff")) {
      throw invalid("a byte order mark");
    }
    JsonReader reader = new JsonReader(new StringReader(json));
    reader.setStrictness(Strictness.STRICT);
    try (reader) {
      Parser parser = new Parser(reader);
      parser.members(MEMBERS, parser::member);
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw invalid("something after the end");
      }
      return parser.result();
    } catch (RepositoryException e) {
      throw e;
    } catch (IOException | IllegalStateException e) {
      String message =
          String.valueOf(e.getMessage())
              .lines()
              .findFirst()
              .orElse("")
              .replaceFirst("^Use JsonReader.* to accept malformed", "malformed");
      throw new RepositoryException(Reason.INVALID_METADATA, "meta.json: " + message, e);
    }
  }

  private static RepositoryException invalid(String what) {
    return new RepositoryException(Reason.INVALID_METADATA, "meta.json: " + what);
  }

  private static final class Parser {
    private final JsonReader reader;
    private @Nullable Long version;
    private @Nullable String algorithm;
    private List<String> compatible = List.of();
    private List<String> readOnlyCompatible = List.of();
    private List<String> incompatible = List.of();
    private @Nullable FormatVersion format;
    private boolean hasFormats;
    private final Set<FormatVersion> extra = EnumSet.noneOf(FormatVersion.class);

    Parser(JsonReader reader) {
      this.reader = reader;
    }

    interface Member {
      void read(String name) throws IOException;
    }

    /** Reads an object, or an array of its values in order, which the reference takes for one. */
    void members(List<String> known, Member member) throws IOException {
      if (reader.peek() == JsonToken.BEGIN_ARRAY) {
        reader.beginArray();
        for (String name : known) {
          if (!reader.hasNext()) {
            break;
          }
          member.read(name);
        }
        reader.endArray();
        return;
      }
      List<String> seen = new ArrayList<>();
      reader.beginObject();
      while (reader.hasNext()) {
        String name = reader.nextName();
        if (!known.contains(name)) {
          reader.skipValue();
          continue;
        }
        if (seen.contains(name)) {
          throw invalid("member '" + name + "' is there twice");
        }
        seen.add(name);
        member.read(name);
      }
      reader.endObject();
    }

    void member(String name) throws IOException {
      switch (name) {
        case "version" -> version = number(0xffff_ffffL);
        case "algorithm" -> {
          algorithm = text();
          if (algorithmOf(algorithm) == null) {
            throw invalid("algorithm '" + algorithm + "' is not supported");
          }
        }
        case "features" -> members(FEATURES, this::feature);
        default -> {
          hasFormats = true;
          members(FORMATS, this::formats);
        }
      }
    }

    private void feature(String name) throws IOException {
      List<String> values = new ArrayList<>();
      reader.beginArray();
      while (reader.hasNext()) {
        values.add(text());
      }
      reader.endArray();
      switch (name) {
        case "compatible" -> compatible = values;
        case "read-only-compatible" -> readOnlyCompatible = values;
        default -> incompatible = values;
      }
    }

    private void formats(String name) throws IOException {
      if (name.equals("default")) {
        format = format();
        return;
      }
      reader.beginArray();
      while (reader.hasNext()) {
        extra.add(format());
      }
      reader.endArray();
    }

    private FormatVersion format() throws IOException {
      long number = number(2);
      FormatVersion known = FormatVersion.of((int) number);
      if (known == null) {
        throw invalid("format " + number);
      }
      return known;
    }

    private long number(long max) throws IOException {
      if (reader.peek() != JsonToken.NUMBER) {
        throw invalid(reader.peek() + " instead of a number at " + reader.getPath());
      }
      String text = reader.nextString();
      if (!isDecimal(text) || Long.parseLong(text) > max) {
        throw invalid("number " + text + " at " + reader.getPath());
      }
      return Long.parseLong(text);
    }

    /** Whether this is 0, or one to ten digits of which the first is another. */
    private static boolean isDecimal(String text) {
      if (text.isEmpty() || text.length() > 10 || (text.length() > 1 && text.charAt(0) == '0')) {
        return false;
      }
      for (int i = 0; i < text.length(); i++) {
        if (text.charAt(i) < '0' || text.charAt(i) > '9') {
          return false;
        }
      }
      return true;
    }

    private String text() throws IOException {
      if (reader.peek() != JsonToken.STRING) {
        throw invalid(reader.peek() + " instead of a text at " + reader.getPath());
      }
      String text = reader.nextString();
      if (!StandardCharsets.UTF_8.newEncoder().canEncode(text) || text.indexOf('\ufffd') >= 0) {
        throw invalid("a text that is not UTF-8 at " + reader.getPath());
      }
      return text;
    }

    Metadata result() throws RepositoryException {
      if (version == null || algorithm == null) {
        throw invalid("no " + (version == null ? "version" : "algorithm"));
      }
      if (hasFormats && format == null) {
        throw invalid("no default in erofs_formats");
      }
      return new Metadata(
          version,
          algorithm,
          compatible,
          readOnlyCompatible,
          incompatible,
          format == null ? FormatVersion.V2 : format,
          extra);
    }
  }
}
