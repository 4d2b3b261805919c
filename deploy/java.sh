#!/bin/sh
# Brings the Java that Spark needs where none is. Ends well in any case: only the Spark engine needs it.
set -eu

package=openjdk-17-jre-headless

if [ -n "${JAVA_HOME:-}" ]; then
    [ -x "$JAVA_HOME/bin/java" ] && exit 0
    echo "note: JAVA_HOME names $JAVA_HOME, where there is no bin/java: correct it or unset it, for --engine spark" >&2
    exit 0
fi
command -v java >/dev/null && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $package, for --engine spark"
    if apt-get install -y -qq "$package" >/dev/null || { apt-get update -qq && apt-get install -y -qq "$package" >/dev/null; }; then
        exit 0
    fi
fi
echo "note: no Java here, so --engine spark does not run and its tests skip: install Java 17 ($package on Debian)" >&2
