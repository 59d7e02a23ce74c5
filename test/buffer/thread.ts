/** The thread of a buffer as tests open it; see `isolated_test.ts`. */
import { type BufferOptions, serveBuffer, SqliteBuffer } from "../../lib/buffer/mod.ts";
import { OPTIONS } from "./buffer_folder.ts";

serveBuffer((options: Omit<BufferOptions, "encodeGap">) => {
  const { encodeGap } = OPTIONS;
  return new SqliteBuffer({ ...options, encodeGap });
});
