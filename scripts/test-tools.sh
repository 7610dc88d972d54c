#!/bin/sh
# The programs that the tests run against: other people's mail servers, clients and tools. Installs those that are
# missing where that needs no password; otherwise names them and fails. Silent and quick when all are there.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# A program, and the Debian package that has it.
tools='
redis-server redis-server
postfix postfix
saslpasswd2 sasl2-bin
opendkim opendkim
opendkim-testmsg opendkim-tools
swaks swaks
strace strace
curl curl
openssl openssl
python3 python3
php php-cli
faketime faketime
promtool prometheus
chromium chromium
'

any_exists() {
  for file in "$@"; do
    if [ -e "$file" ]; then return 0; fi
  done
  return 1
}

missing_packages() {
  echo "$tools" | while read -r program package; do
    if [ -n "$program" ] && ! command -v "$program" >/dev/null 2>&1; then echo "$package"; fi
  done
  # No programs: the plug-ins by which Postfix signs in, and the TLS of swaks.
  any_exists /usr/lib*/sasl2/libplain.so* /usr/lib/*/sasl2/libplain.so* || echo libsasl2-modules
  any_exists /usr/lib/*/perl5/*/Net/SSLeay.pm /usr/*/perl5/Net/SSLeay.pm /usr/*/perl5/vendor_perl/Net/SSLeay.pm || echo libnet-ssleay-perl
  # Without any font a browser shows nothing.
  any_exists /usr/share/fonts/truetype/*/*.ttf || echo fonts-dejavu-core
}

missing=$(missing_packages | tr '\n' ' ')
if [ -z "$missing" ]; then exit 0; fi

. scripts/apt.sh
if ! may_install; then
  echo "relevo: the tests need programs that are not here, from these Debian packages: $missing" >&2
  echo "        as root: apt-get install --no-install-recommends $missing" >&2
  exit 1
fi

# The tests start what they need themselves, on ports of their own: a service that the packages would start now is
# kept from it, the way policy-rc.d is meant for.
guard=/usr/sbin/policy-rc.d
guarded=no
finish() {
  if [ "$guarded" = yes ]; then $as_root rm -f "$guard"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM
if [ ! -e "$guard" ]; then
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$guard" >/dev/null
  guarded=yes
  $as_root chmod 755 "$guard"
fi

echo "relevo: installing what the tests need: $missing..." >&2
# Several words.
# shellcheck disable=SC2086
apt_install $missing
missing=$(missing_packages | tr '\n' ' ')
if [ -n "$missing" ]; then
  echo "relevo: still missing after the installation: $missing" >&2
  exit 1
fi
