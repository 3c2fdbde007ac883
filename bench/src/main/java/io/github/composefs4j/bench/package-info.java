/** Speed of the library by itself (JMH), and equality of its images with those of the C tools. */
package io.github.composefs4j.bench;
