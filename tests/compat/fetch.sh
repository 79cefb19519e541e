#!/bin/sh
# Unpacks Debian's Redis (7.0 in bookworm) into the folder $1, with the libraries it brings; without apt there is none.
set -eu
command -v apt-get > /dev/null && command -v dpkg > /dev/null || exit 0
mkdir -p "$1" && cd "$1"
apt-get -qq download redis-tools libjemalloc2 liblzf1 libatomic1 2> /dev/null || exit 0
for package in *.deb; do dpkg -x "$package" .; done
rm ./*.deb
# one program that is a server by its name
ln -sf redis-check-rdb usr/bin/redis-server-here
cat > usr/bin/redis-server << END
#!/bin/sh
LD_LIBRARY_PATH="$PWD/usr/lib/$(uname -m)-linux-gnu" exec "$PWD/usr/bin/redis-server-here" "\$@"
END
chmod +x usr/bin/redis-server
