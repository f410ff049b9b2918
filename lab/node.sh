#!/bin/sh
# First process of one lab node, run as `ip netns exec NS unshare --mount --uts sh node.sh NAME`.
# Gives the node its own /etc, /var, /home, /root, /run, /tmp, /dev and host name, says "ready",
# and then stays until its standard input closes, so that it ends together with the recorder.
set -eu
name=$1

mount -t tmpfs -o mode=0700 lab /media
for dir in etc var; do
    mkdir -p "/media/$dir/upper" "/media/$dir/work"
    mount -t overlay overlay -o "lowerdir=/$dir,upperdir=/media/$dir/upper,workdir=/media/$dir/work" "/$dir"
done
for dir in home run srv opt mnt; do
    mount -t tmpfs -o mode=0755 lab "/$dir"
done
mount -t tmpfs -o mode=0700 lab /root
mount -t tmpfs -o mode=1777 lab /tmp
# Whatever else this machine keeps at its top level stays out of the lab's sight.
for dir in /*/; do
    case $dir in
        /bin/ | /boot/ | /dev/ | /etc/ | /home/ | /lib*/ | /media/ | /mnt/ | /opt/ | /proc/ | /root/ | /run/ | /sbin/ | \
            /srv/ | /sys/ | /tmp/ | /usr/ | /var/) ;;
        *) mount -t tmpfs -o mode=0755 lab "$dir" ;;
    esac
done

# A private /dev: /dev/log and the terminals are the lab's, not the machine's.
mkdir /media/dev
mount -t tmpfs -o mode=0755 lab /media/dev
for device in null zero full random urandom tty; do
    : >"/media/dev/$device"
    mount --bind "/dev/$device" "/media/dev/$device"
done
mkdir /media/dev/pts /media/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts /media/dev/pts
mount -t tmpfs -o mode=1777 lab /media/dev/shm
ln -s pts/ptmx /media/dev/ptmx
ln -s /proc/self/fd /media/dev/fd
mount --move /media/dev /dev

hostname "$name"
echo "$name" >/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >/etc/hosts
printf 'search example.org\nnameserver 192.0.2.53\n' >/etc/resolv.conf
rm -rf /var/log/* /var/spool/cron/crontabs/* /etc/cron.d/* /etc/update-motd.d/* /etc/ssh/ssh_host_*
mkdir -p /run/sshd /run/lock /root/.ssh
touch /run/utmp /var/log/wtmp /var/log/btmp /var/log/lastlog
chgrp utmp /run/utmp /var/log/wtmp /var/log/btmp /var/log/lastlog
chmod 0660 /var/log/btmp
echo ready
exec cat >/dev/null
