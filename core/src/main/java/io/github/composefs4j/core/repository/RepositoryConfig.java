package io.github.composefs4j.core.repository;

import io.github.composefs4j.core.erofs.FormatVersion;
import io.github.composefs4j.core.verity.HashAlgorithm;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What a repository is configured for (repository.md, section 3).
 *
 * @param algorithm of all digests in it
 * @param format of the images that get names
 * @param extraFormats in which every image is stored besides; without {@code format}
 */
public record RepositoryConfig(
    HashAlgorithm algorithm, FormatVersion format, Set<FormatVersion> extraFormats) {
  /** What {@code init} makes when nothing else is said. */
  public static final RepositoryConfig DEFAULT = of(HashAlgorithm.SHA512, FormatVersion.V1);

  /** A configuration; a format that is also an extra one is not one twice. */
  public RepositoryConfig {
    EnumSet<FormatVersion> extra = EnumSet.noneOf(FormatVersion.class);
    extra.addAll(extraFormats);
    extra.remove(format);
    extraFormats = Set.copyOf(extra);
  }

  /** {@return a configuration of one format} */
  public static RepositoryConfig of(HashAlgorithm algorithm, FormatVersion format) {
    return new RepositoryConfig(algorithm, format, Set.of());
  }

  /** {@return all formats, the one for names first, the others ascending} */
  public List<FormatVersion> formats() {
    List<FormatVersion> formats = new ArrayList<>();
    formats.add(format);
    extraFormats.stream().sorted().forEach(formats::add);
    return formats;
  }

  /** {@return the algorithm as {@code meta.json} writes it} */
  public String algorithmName() {
    return Metadata.algorithmName(algorithm);
  }

  /** {@return the configuration in words, for messages} */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(algorithmName()).append(", format ");
    String separator = "";
    for (FormatVersion each : formats()) {
      text.append(separator).append(each.number());
      separator = " and ";
    }
    return text.toString();
  }
}
