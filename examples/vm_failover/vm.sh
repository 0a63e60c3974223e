# A virtual machine that asks port 9000 of 10.0.0.1 for numbers, from 1 on: vm.sh IPXE [OPTION OF QEMU...]. Its monitor is here.
ipxe=$1
shift
exec qemu-system-x86_64 -accel tcg -m 16 -nodefaults -display none -global migration.x-downtime-limit=60000 -monitor stdio \
  -netdev tap,id=net,ifname=tap0,script=no,downscript=no -device e1000,netdev=net,romfile= -kernel "$ipxe" \
  -append "set net0/ip 10.0.0.2 && set net0/netmask 255.255.255.0 && ifopen net0 && chain http://10.0.0.1:9000/service.ipxe" "$@"
