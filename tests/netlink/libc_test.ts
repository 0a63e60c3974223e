import { assertEquals } from "@std/assert";
import { libc } from "../../linux/libc.ts";

const EBADF = 9;
const ENODEV = 19;
const SIOCGIFINDEX = 0x8933n;

Deno.test("errno() is that of the call before, whether it went through a pointer or was compiled", () => {
  const { call, errno } = libc();
  const fd = call.socket(16, 3, 0);
  const request = new Uint8Array(40).fill(120, 0, 15);
  const garbage: Uint8Array[] = [];
  try {
    for (let time = 0; time < 5000; time++) {
      garbage[time % 500] = new Uint8Array(2000);
      assertEquals([call.close(-1), errno()], [-1, EBADF]);
      assertEquals([call.ioctl(fd, SIOCGIFINDEX, request), errno()], [-1, ENODEV]);
    }
  } finally {
    call.close(fd);
  }
});

Deno.test("libc() is opened once", () => assertEquals(libc(), libc()));
