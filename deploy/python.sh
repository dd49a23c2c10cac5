#!/bin/sh
# Prints the Python to use: the newest from 3.11 on, and one that was built with optimisation (distributions
# and python.org do that, pyenv does not by itself and is a fifth slower) before any that was not.
# PYTHON in the environment is taken as it is.
[ -z "$PYTHON" ] || { command -v "$PYTHON"; exit; }

look() { # in the folders of PATH whose names match, or do not match, those of pyenv's and asdf's slow launchers
  IFS=:
  for folder in $PATH /usr/bin /usr/local/bin; do
    case $folder in */shims) [ "$1" = launchers ] ;; *) [ "$1" = programs ] ;; esac || continue
    for python in "$folder"/python3 "$folder"/python3.[0-9] "$folder"/python3.[0-9][0-9]; do
      [ -x "$python" ] && "$python" -c '
import sys, sysconfig
arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
optimised = "--enable-optimizations" in arguments or sys.base_prefix == "/usr"
if sys.version_info >= (3, 11):
    print(int(optimised), sys.version_info.minor, sys.executable)
' 2>/dev/null
    done
  done | sort -u -k1,1nr -k2,2nr -k3,3 | head -n 1 | cut -d" " -f3-
}

found=$(look programs)
[ -n "$found" ] || found=$(look launchers)
[ -n "$found" ] || { echo "no Python from 3.11 on is on PATH" >&2; exit 1; }
echo "$found"
