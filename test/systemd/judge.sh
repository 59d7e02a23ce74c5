#!/bin/bash
# Runs as a service beside the collector; says what it sees as NAME=VALUE lines.
show() { systemctl show "$1" -p "$2" --value; }
until_is() { for _ in $(seq 150); do [[ $(eval "$1") == $2 ]] && return; sleep 0.2; done; }
seen() { printf '%s=%s\n' "$1" "$2"; }
status() { sed -n "s/^$1:\s*//p" "/proc/$(show sunspool.service MainPID)/status"; }

until_is 'show sunspool.service StatusText' '1 of 1*'
seen state "$(show sunspool.service ActiveState)"
seen status "$(show sunspool.service StatusText)"
seen user "$(show sunspool.service User)"
seen no_new_privileges "$(status NoNewPrivs)"
seen capabilities "$(status CapBnd)"
seen seccomp "$(status Seccomp)"
seen buffer "$(stat -c '%U %a' /var/lib/sunspool/sunspec-buffer.sqlite)"

# As docs/operations.md says.
echo SUNSPEC_LOG_LEVEL=debug > /etc/sunspool/environment
runuser -u sunspool -- sh -c \
  'set -a; . /etc/sunspool/environment; cd /var/lib/sunspool; sunspool doctor' > /tmp/doctor
seen doctor "$? $(grep -c '^ok.*device' /tmp/doctor)"
rm /etc/sunspool/environment

# Another device, and it is gone again: the same process goes on.
config=/etc/sunspool/config.toml
before=$(show sunspool.service MainPID)
cp "$config" /tmp/config.toml
printf '[[devices]]\nendpoint = "127.0.0.1:5021"\n' >> "$config"
systemctl reload sunspool.service
until_is 'show sunspool.service StatusText' '1 of 2*'
seen reloaded "$(show sunspool.service StatusText)"
cp /tmp/config.toml "$config"
systemctl reload sunspool.service
until_is 'show sunspool.service StatusText' '1 of 1*'
[ "$(show sunspool.service MainPID)" = "$before" ]
seen after_reload "$? $(show sunspool.service ActiveState)"

# It hangs: systemd notices, and starts it again.
kill -STOP "$(show sunspool.service MainPID)"
until_is 'show sunspool.service NRestarts' 1
until_is 'show sunspool.service StatusText' '1 of 1*'
seen after_hang "$(show sunspool.service NRestarts) $(show sunspool.service ActiveState)"

# It is killed.
kill -KILL "$(show sunspool.service MainPID)"
until_is 'show sunspool.service NRestarts' 2
until_is 'show sunspool.service StatusText' '1 of 1*'
seen after_kill "$(show sunspool.service NRestarts) $(show sunspool.service ActiveState)"

systemctl stop sunspool.service
seen stopped "$(show sunspool.service Result) $(show sunspool.service ExecMainStatus)"
for unit in sunspool-poll.service sunspool-drain.service; do
  systemctl start "$unit"
  seen "$unit" "$(show "$unit" Result) $(show "$unit" ExecMainStatus)"
done

# Installing again changes nothing; what is enabled is not taken away; then nothing is left.
seen unchanged "$(sunspool systemd install | grep -c '^unchanged')"
systemctl enable sunspool.service
sunspool systemd uninstall
seen while_enabled $?
systemctl disable sunspool.service
seen removed "$(sunspool systemd uninstall | grep -c '^removed')"
systemctl daemon-reload
seen gone "$(systemctl list-unit-files --no-legend 'sunspool*' | wc -l)"
readings=$(find /var/lib/sunspool/readings -name '*.avro' | wc -l)

# From nothing to a service, as docs/operations.md says.
rm -rf /etc/sunspool /var/lib/sunspool && userdel sunspool
sunspool systemd install
systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload
cp /tmp/config.toml "$config"
systemd-tmpfiles --create && systemctl enable --now sunspool
until_is 'show sunspool.service StatusText' '1 of 1*'
seen anew "$(show sunspool.service ActiveState) $(stat -c '%U %a' /var/lib/sunspool)"
seen files "$readings"
