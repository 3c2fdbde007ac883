/** The commands on repositories, under {@code composefs} and {@code cfsctl} (cfsctl.md). */
package io.github.composefs4j.cli.repository;
