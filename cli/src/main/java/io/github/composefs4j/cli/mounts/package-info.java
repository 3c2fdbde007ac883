/**
 * Commands that mount images, and the servers in the background that serve them: one process for
 * many mounts, asked through a socket.
 */
package io.github.composefs4j.cli.mounts;
