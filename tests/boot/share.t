#!/bin/sh
# SPDX-License-Identifier: MIT
#
# share.t - a folder of the host under Debian's kernel by 9P: what is in it, what cannot be reached from it, read-only
# and writable. (The cloud flavour has no 9P: this is the standard one.)
. "$(dirname "$0")/lib.sh"
need_guest standard
initrd_with_modules standard

# The script that comes on stdin, with the folder mounted at /m: behind the mark, $work/out.
in_guest() { # SHARE
    {
        echo 'depmod; modprobe virtio_mmio; modprobe 9pnet_virtio; modprobe 9p; mkdir /m'
        echo 'mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share /m'
        cat
        echo 'umount /m; exit'
    } >"$work/script"
    run_vmm 240 run --kernel "$guests/standard/vmlinuz" --initrd "$work/initrd.gz" --mem 512M --share "$1" \
        --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/script"
    sed -i '1,/vibevmm: ready/d; s/\r$//' "$work/out"
}

dir=$work/dir
mkdir -p "$dir/tree"
echo secret >"$work/secret"
ln -s "$work/secret" "$dir/absolute"
ln -s ../secret "$dir/upward"
i=0
while [ $i -lt 100 ]; do
    mkdir "$dir/tree/$i"
    # shellcheck disable=SC2046 # numbers
    (cd "$dir/tree/$i" && for f in $(seq 100); do echo "$i/$f" >"$f"; done)
    i=$((i + 1))
done
sum_of() {
    (cd "$1" && find . -type f | LC_ALL=C sort | xargs cat | sha256sum)
}
want=$(sum_of "$dir/tree")
in_guest "$dir" <<'END'
cd /m/tree; find . -type f | wc -l; find . -type f | LC_ALL=C sort | xargs cat | sha256sum; tar -cf - . | tar -tf - | wc -l; cd /
cat /m/absolute /m/upward /m/../m/upward 2>/dev/null
touch /m/new 2>/dev/null || echo read-only; rm /m/tree/1/1 2>/dev/null || echo read-only
END
is_rc 0 "a guest with a shared folder"
printf '10000\n%s\n10101\nread-only\nread-only\n' "$want" >"$work/want"
same "$work/out" "$work/want" "10,000 files by find, sha256sum and tar; no way out; read-only"
[ "$(sum_of "$dir/tree")" = "$want" ]
ok $? "and nothing was changed"

in_guest "$dir,rw" <<'END'
mkdir /m/made && echo one >/m/made/f && echo two >>/m/made/f && mv /m/made/f /m/made/g && cat /m/made/g
chmod 640 /m/made/g && stat -c %a /m/made/g; ln -s g /m/made/link && readlink /m/made/link
mknod /m/made/null c 1 3 2>/dev/null || echo no device; chmod u+s /m/made/g 2>/dev/null || echo no set-uid
rm /m/tree/1/1 && ls /m/tree/1 | wc -l
head -c 20000000 /dev/urandom >/m/big && sha256sum </m/big
END
is_rc 0 "a guest writes into one"
printf 'one\ntwo\n640\ng\nno device\nno set-uid\n99\n%s\n' "$(sha256sum <"$dir/big")" >"$work/want"
same "$work/out" "$work/want" "create, append, rename, chmod, link, remove; what the host has is what it wrote"
[ "$(cat "$work/secret")" = secret ]
ok $? "what is outside is as it was"
run_vmm 20 run --share "$work/none" --kernel "$guests/standard/vmlinuz"
is_rc 127 "a folder that is not there"
done_testing
