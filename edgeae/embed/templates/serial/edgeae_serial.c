/* The protocol of edgeae_serial.h, version 1: frames of SLIP (RFC 1055) with a CRC-32, as zlib's.
 * What is no right frame is left out until the next one begins. No heap; a frame has a bound.
 */
#include "edgeae_serial.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "edgeae_serial sends values as they are in memory, and its host takes little-endian ones"
#endif

#define PROTOCOL 1u

#define END 0xC0u
#define ESCAPE 0xDBu
#define ESCAPED_END 0xDCu
#define ESCAPED_ESCAPE 0xDDu

#define HELLO 0x01u
#define RUN 0x02u
#define ANSWER 0x80u /* added to the kind of the request */
#define ERROR 0xFFu

#define WRONG_CHECKSUM 1u
#define NO_SUCH_REQUEST 2u
#define NO_SUCH_PART 3u
#define WRONG_LENGTH 4u

/* Kind, number and checksum. */
#define SHORTEST 6u

static uint32_t length;  /* bytes of the frame that is arriving */
static uint8_t escaped;  /* whether the last byte was ESCAPE */
static uint8_t broken;   /* whether the frame that is arriving cannot be right */
static uint32_t checked; /* checksum of the frame that is being sent */

static uint32_t checksum(uint32_t sum, uint8_t byte) {
  sum ^= byte;
  for (uint8_t bit = 0; bit < 8; bit++) {
    sum = (sum >> 1) ^ ((sum & 1u) ? 0xEDB88320u : 0u);
  }
  return sum;
}

/* --- sending --- */

static void put_escaped(const struct edgeae_serial_board *board, uint8_t byte) {
  if (byte == END || byte == ESCAPE) {
    board->put((uint8_t)ESCAPE);
    byte = (uint8_t)(byte == END ? ESCAPED_END : ESCAPED_ESCAPE);
  }
  board->put(byte);
}

static void put_byte(const struct edgeae_serial_board *board, uint32_t byte) {
  checked = checksum(checked, (uint8_t)byte);
  put_escaped(board, (uint8_t)byte);
}

static void put_word(const struct edgeae_serial_board *board, uint32_t word) {
  for (uint32_t place = 0; place < 32; place += 8) {
    put_byte(board, (word >> place) & 0xFFu);
  }
}

static void put_bytes(const struct edgeae_serial_board *board, const uint8_t *bytes,
                      uint32_t count) {
  for (uint32_t place = 0; place < count; place++) {
    put_byte(board, bytes[place]);
  }
}

/* Sends a text of at most 255 bytes, its length first. */
static void put_text(const struct edgeae_serial_board *board, const char *text) {
  uint8_t count = 0;
  while (count < 255 && text[count] != 0) {
    count++;
  }
  put_byte(board, count);
  put_bytes(board, (const uint8_t *)text, count);
}

static void begin(const struct edgeae_serial_board *board, uint32_t kind, uint8_t number) {
  board->put((uint8_t)END); /* ends what noise has begun */
  checked = 0xFFFFFFFFu;
  put_byte(board, kind);
  put_byte(board, number);
}

static void end(const struct edgeae_serial_board *board) {
  const uint32_t sum = ~checked;
  put_word(board, sum);
  board->put((uint8_t)END);
}

static void refuse(const struct edgeae_serial_board *board, uint8_t number, uint32_t why) {
  begin(board, ERROR, number);
  put_byte(board, why);
  end(board);
}

/* --- answering --- */

static uint32_t word_at(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
         (uint32_t)bytes[3] << 24;
}

static void hello(const struct edgeae_serial_board *board, uint8_t number) {
  const struct edgeae_serial_model *const model = &edgeae_serial_model;
  begin(board, HELLO + ANSWER, number);
  put_byte(board, PROTOCOL);
  put_byte(board, board->tick_kind);
  put_byte(board, board->tick_bits);
  put_byte(board, model->part_count);
  put_word(board, board->tick_hz);
  put_word(board, model->identity);
  put_text(board, board->name);
  put_text(board, model->name);
  for (uint8_t place = 0; place < model->part_count; place++) {
    const struct edgeae_serial_part *const part = &model->parts[place];
    put_text(board, part->name);
    put_bytes(board, part->sha256, sizeof part->sha256);
    put_word(board, part->input_bytes);
    put_word(board, part->output_bytes);
  }
  end(board);
}

/* Runs a part, and returns the ticks that it took. */
static uint32_t counted(const struct edgeae_serial_board *board,
                        const struct edgeae_serial_part *part) {
  const struct edgeae_serial_model *const model = &edgeae_serial_model;
  const uint8_t counts = board->tick_kind != EDGEAE_TICK_NONE;
  const uint32_t before = counts ? board->tick() : 0;
  part->run(model->arena, model->frame + EDGEAE_SERIAL_INPUT, model->output);
  const uint32_t after = counts ? board->tick() : 0;
  return (after - before) & (0xFFFFFFFFu >> ((32u - board->tick_bits) & 31u));
}

static void run(const struct edgeae_serial_board *board, uint32_t bytes) {
  const struct edgeae_serial_model *const model = &edgeae_serial_model;
  const uint8_t *const frame = model->frame;
  if (bytes < EDGEAE_SERIAL_FRAME(0)) {
    refuse(board, frame[1], WRONG_LENGTH);
    return;
  }
  if (frame[2] >= model->part_count) {
    refuse(board, frame[1], NO_SUCH_PART);
    return;
  }
  const struct edgeae_serial_part *const part = &model->parts[frame[2]];
  if (bytes != EDGEAE_SERIAL_FRAME(part->input_bytes)) {
    refuse(board, frame[1], WRONG_LENGTH);
    return;
  }
  uint64_t ticks = 0;
  for (uint32_t left = word_at(frame + 4); left > 0; left--) {
    ticks += counted(board, part);
  }
  begin(board, RUN + ANSWER, frame[1]);
  put_word(board, (uint32_t)(ticks & 0xFFFFFFFFu));
  put_word(board, (uint32_t)(ticks >> 32));
  put_bytes(board, model->output, part->output_bytes);
  end(board);
}

/* --- receiving --- */

static uint8_t is_right(const uint8_t *frame, uint32_t bytes) {
  uint32_t sum = 0xFFFFFFFFu;
  for (uint32_t place = 0; place < bytes - 4; place++) {
    sum = checksum(sum, frame[place]);
  }
  return word_at(frame + bytes - 4) == (uint32_t)~sum;
}

static void answer(const struct edgeae_serial_board *board, uint32_t bytes) {
  const uint8_t *const frame = edgeae_serial_model.frame;
  if (bytes < SHORTEST) {
    return;
  }
  if (!is_right(frame, bytes)) {
    refuse(board, 0, WRONG_CHECKSUM);
  } else if (frame[0] == HELLO) {
    hello(board, frame[1]);
  } else if (frame[0] == RUN) {
    run(board, bytes);
  } else {
    refuse(board, frame[1], NO_SUCH_REQUEST);
  }
}

static void store(uint8_t byte) {
  if (escaped) {
    if (byte != ESCAPED_END && byte != ESCAPED_ESCAPE) {
      broken = 1;
    }
    byte = (uint8_t)(byte == ESCAPED_END ? END : ESCAPE);
    escaped = 0;
  }
  if (length == edgeae_serial_model.frame_bytes) {
    broken = 1;
  } else {
    edgeae_serial_model.frame[length] = byte;
    length++;
  }
}

void edgeae_serial_poll(const struct edgeae_serial_board *board) {
  for (int32_t byte = board->get(); byte >= 0; byte = board->get()) {
    if ((uint32_t)byte == END) {
      const uint32_t bytes = broken || escaped ? 0 : length;
      length = 0;
      escaped = 0;
      broken = 0;
      answer(board, bytes);
    } else if ((uint32_t)byte == ESCAPE && !escaped) {
      escaped = 1;
    } else {
      store((uint8_t)byte);
    }
  }
}
