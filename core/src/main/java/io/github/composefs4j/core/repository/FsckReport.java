package io.github.composefs4j.core.repository;

import java.util.ArrayList;
import java.util.List;

/**
 * What a check found.
 *
 * @param hasMetadata whether there is a {@code meta.json} that can be read
 * @param objectsChecked number of objects looked at
 * @param objectsCorrupted of these, with a finding
 * @param streamsChecked number of streams looked at
 * @param streamsCorrupted of these, with a finding, a missing object included
 * @param imagesChecked number of images looked at
 * @param imagesCorrupted of these, with a finding, a missing object included
 * @param brokenLinks number of entries and refs that lead nowhere
 * @param missingObjects how often something refers to an object that is missing
 * @param findings everything, objects first, then streams, then images, then the rest, by path
 */
public record FsckReport(
    boolean hasMetadata,
    long objectsChecked,
    long objectsCorrupted,
    long streamsChecked,
    long streamsCorrupted,
    long imagesChecked,
    long imagesCorrupted,
    long brokenLinks,
    long missingObjects,
    List<Finding> findings) {
  /** {@return whether nothing was found} */
  public boolean isOk() {
    return findings.isEmpty();
  }

  /** {@return the lines of the text form (repository.md, section 11.3)} */
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("meta.json: " + (hasMetadata ? "ok" : "error"));
    lines.add("objects: " + (objectsChecked - objectsCorrupted) + "/" + objectsChecked + " ok");
    lines.add("streams: " + (streamsChecked - streamsCorrupted) + "/" + streamsChecked + " ok");
    lines.add("images: " + (imagesChecked - imagesCorrupted) + "/" + imagesChecked + " ok");
    if (brokenLinks > 0) {
      lines.add("broken symlinks: " + brokenLinks);
    }
    if (missingObjects > 0) {
      lines.add("missing objects: " + missingObjects);
    }
    if (isOk()) {
      lines.add("status: ok");
    } else {
      lines.add("status: " + findings.size() + " error(s)");
      findings.forEach(finding -> lines.add("  - " + finding.text()));
    }
    return lines;
  }
}
