/** The thread of a buffer that dies of a call to read(); see `isolated_test.ts`. */
import { serveBuffer, SqliteBuffer } from "../../lib/buffer/mod.ts";
import { OPTIONS } from "./buffer_folder.ts";

serveBuffer((path: string) => {
  const buffer = new SqliteBuffer({ ...OPTIONS, path });
  return Object.assign(buffer, {
    read() {
      setTimeout(() => {
        throw new Error("out of luck");
      }, 0);
      return new Promise(() => {});
    },
  });
});
