package io.github.composefs4j.core.repository;

/** The two kinds of things that have names in a repository. */
public enum Category {
  /** EROFS images; their entries are named by digest. */
  IMAGES("images", "image"),
  /** Splitstreams; their entries are named by whoever made them. */
  STREAMS("streams", "stream");

  private final String directory;
  private final String singular;

  Category(String directory, String singular) {
    this.directory = directory;
    this.singular = singular;
  }

  /** {@return the name of the directory in the repository} */
  public String directory() {
    return directory;
  }

  /** {@return what messages call one of them} */
  public String singular() {
    return singular;
  }
}
