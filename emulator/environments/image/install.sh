# Runs in the build of an image: install.sh system | python [MINOR] | layer N. The caches and secrets are mounts, in no layer.
set -eu
CACHE=/var/cache/windtunnel
VENV=/opt/windtunnel/venv
SECRETS=/run/secrets
if [ -s "$SECRETS/windtunnel-ca" ]; then
  for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE PIP_CERT CURL_CA_BUNDLE GIT_SSL_CAINFO; do
    export "$name=$SECRETS/windtunnel-ca"
  done
fi
if [ -s "$SECRETS/windtunnel-settings" ]; then . "$SECRETS/windtunnel-settings"; fi
export PIP_CACHE_DIR="$CACHE/pip" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export UV_CACHE_DIR="$CACHE/uv-cache" UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_PROGRESS=1

case "$1" in
  system)
    # What wheels of pictures and numbers need and slim images lack.
    if ldconfig -p 2>/dev/null | grep -q 'libGL\.so\.1' || ! command -v apt-get >/dev/null; then exit 0; fi
    apt-get -qq update && apt-get -qq install -y --no-install-recommends libgl1 libglib2.0-0 libgomp1 >/dev/null ||
      echo "windtunnel: libgl1, libglib2.0-0 and libgomp1 could not be installed; packages such as opencv may miss them"
    rm -rf /var/lib/apt/lists/*
    ;;
  python)
    PYTHON=$(command -v python3 || command -v python || true)
    if [ -z "$PYTHON" ]; then echo "windtunnel: the image has no Python"; exit 1; fi
    FOUND=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [ -n "${2:-}" ] && [ "$FOUND" != "$2" ]; then
      echo "windtunnel: the image has Python $FOUND, and the app was pickled by $2"
      exit 1
    fi
    # Over the image's own packages, and beside them: what the image pins stays as it is.
    "$PYTHON" -m venv --system-site-packages "$VENV" 2>/dev/null || {
      rm -rf "$VENV"
      "$PYTHON" -m venv --without-pip --system-site-packages "$VENV"
    }
    # Where that Python is a virtual environment itself, what it sees is its parent's packages: the environment's own are led in.
    OWN=$("$PYTHON" -c 'import sys, sysconfig as s
if sys.prefix != sys.base_prefix:
    for folder in sorted({s.get_path("purelib"), s.get_path("platlib")}):
        print("import site; site.addsitedir(%r)" % folder)')
    if [ -n "$OWN" ]; then echo "$OWN" >"$VENV/lib/python$FOUND/site-packages/windtunnel-image.pth"; fi
    "$VENV/bin/python" -m pip --version >/dev/null || { echo "windtunnel: the Python of the image has no pip"; exit 1; }
    ;;
  layer)
    while IFS= read -r word; do set -- "$@" "$word"; done <"$SECRETS/windtunnel-layer-$2"
    shift 3
    UV="$CACHE/uv/bin/uv"
    if ! "$UV" --version >/dev/null 2>&1; then
      rm -rf "$CACHE/uv"
      "$VENV/bin/python" -m pip install --quiet --target "$CACHE/uv" uv >/dev/null 2>&1 || true
    fi
    if [ "${WINDTUNNEL_INSTALLER:-uv}" = uv ] && "$UV" --version >/dev/null 2>&1; then
      exec "$UV" pip install --python "$VENV/bin/python" "$@"
    fi
    exec "$VENV/bin/python" -m pip install "$@"
    ;;
esac
