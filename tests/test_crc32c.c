/* test_crc32c.c - the checksum, whichever way it is computed. */
#include "format/crc32c.h"
#include "test.h"

enum { N = 3 << 20 };
static unsigned char *data;

static void setup(void) {
  uint32_t x = 1;
  data = malloc(N);
  for (size_t i = 0; i < N; i++)
    data[i] = (unsigned char)((x = x * 1664525u + 1013904223u) >> 24);
}

static void teardown(void) { free(data); }

/* RFC 3720, B.4, and the usual check value. */
START_TEST(known_bytes_have_known_checksums) {
  unsigned char zeros[32] = {0}, ones[32], up[32];
  for (int i = 0; i < 32; i++) ones[i] = 255, up[i] = (unsigned char)i;
  ck_assert_uint_eq(ht_crc32c("123456789", 9), 0xe3069283u);
  ck_assert_uint_eq(ht_crc32c(zeros, 32), 0x8a9136aau);
  ck_assert_uint_eq(ht_crc32c(ones, 32), 0x62a8ab43u);
  ck_assert_uint_eq(ht_crc32c(up, 32), 0x46dd794eu);
  ck_assert_uint_eq(ht_crc32c("", 0), 0);
}
END_TEST

START_TEST(every_length_and_alignment_agrees_with_the_tables) {
  for (size_t n = 0; n < 40000; n += n < 900 ? 1 : 997)
    ck_assert_uint_eq(ht_crc32c_extend(7, data + n % 9, n),
                      ht_crc32c_portable(7, data + n % 9, n));
}
END_TEST

START_TEST(blocks_on_threads_give_the_checksum_of_one_pass) {
  for (size_t n = (1 << 20) - 1; n < N; n += 700001)
    ck_assert_uint_eq(ht_crc32c(data, n), ht_crc32c_extend(0, data, n));
}
END_TEST

START_TEST(checksums_of_two_pieces_combine) {
  for (size_t n = 0; n < 3000; n += 7) {
    uint32_t a = ht_crc32c_extend(0, data, 1000);
    uint32_t b = ht_crc32c_extend(0, data + 1000, n);
    ck_assert_uint_eq(ht_crc32c_combine(a, b, n),
                      ht_crc32c_extend(0, data, 1000 + n));
  }
}
END_TEST

START_TEST(masking_is_undone) {
  ck_assert_uint_ne(ht_crc32c_mask(0x12345678u), 0x12345678u);
  ck_assert_uint_eq(ht_crc32c_unmask(ht_crc32c_mask(0x12345678u)), 0x12345678u);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, known_bytes_have_known_checksums);
  tcase_add_test(tests, every_length_and_alignment_agrees_with_the_tables);
  tcase_add_test(tests, blocks_on_threads_give_the_checksum_of_one_pass);
  tcase_add_test(tests, checksums_of_two_pieces_combine);
  tcase_add_test(tests, masking_is_undone);
}

int main(void) { return test_main("crc32c", add); }
