#!/bin/bash
# Boots systemd as process 1 of name spaces of its own, over a copy-on-write view of this machine,
# with the units that sunspool prints. Run by main.ts:
#
#     unshare -m -p -u -i -n -f --kill-child bash boot.sh FOLDER
#
# FOLDER has sunspool, judge.sh and the units below etc; what the judge says goes to standard output.
set -euo pipefail
here=$1
exec 3>&1 1>&2

mount --make-rprivate /
mkdir "$here/layer"
mount -t tmpfs -o size=1500m tmpfs "$here/layer"
mkdir "$here/layer/upper" "$here/layer/work" "$here/layer/root"
root=$here/layer/root
layers=lowerdir=/,upperdir=$here/layer/upper,workdir=$here/layer/work
mount -t overlay -o "$layers" overlay "$root"

install -m 755 "$here/judge.sh" "$root/judge.sh"
install -m 755 "$here/sunspool" "$root/usr/local/bin/sunspool"
rm -rf "$root/var/cache/sunspool"

units=$root/etc/systemd/system
mkdir -p "$units/sunspool.service.d" "$root/etc/sunspool"
cp -r "$here/etc/." "$root/etc/"
# A hang shows sooner.
printf '[Service]\nWatchdogSec=4\nRestartSec=1\n' > "$units/sunspool.service.d/sooner.conf"
printf '[[devices]]\nendpoint = "127.0.0.1:5020"\n' > "$root/etc/sunspool/config.toml"
cat > "$units/devices.service" << 'END'
[Unit]
Before=sunspool.service
[Service]
ExecStart=/usr/local/bin/sunspool simulate --listen 127.0.0.1:5020
END
cat > "$units/judge.service" << 'END'
[Unit]
After=sunspool.service
[Service]
Type=oneshot
StandardOutput=file:/judged
ExecStart=/bin/bash /judge.sh
ExecStopPost=/bin/touch /judged.end
END
cat > "$units/try.target" << 'END'
[Unit]
Wants=devices.service sunspool.service judge.service
After=basic.target
END

ip link set lo up
cd "$root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
while read -r name major minor; do
  mknod -m 666 "dev/$name" c "$major" "$minor"
done << 'END'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
END
mkdir dev/pts dev/shm .old
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
: > etc/machine-id
pivot_root . .old
umount -l /.old
export container=other
(
  while [ ! -e /judged.end ]; do sleep 0.2; done
  cat /judged >&3
  kill -KILL 1
  systemctl poweroff --force --force
) &
exec 3>&-
exec /lib/systemd/systemd --unit=try.target --log-target=console --log-level=warning --show-status=0
