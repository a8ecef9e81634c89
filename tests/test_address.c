/* test_address.c - what is asked for on the network for a handle, and how an
 * entry of the cache is called: numbers and addresses of tensorflow_hub. */
#include "base/digest.h"
#include "hub/address.h"
#include "hub/cache.h"
#include "test.h"

static ht_arena arena;
static void teardown(void) { ht_arena_free(&arena); }

/* Names that users of tensorflow_hub quote (issues 44, 850, 896). */
START_TEST(entries_are_called_as_in_tensorflow_hub) {
  static const char *const name[][2] = {
      {"https://tfhub.dev/google/nnlm-en-dim128/1",
       "32f2b2259e1cc8ca58c876921748361283e73997"},
      {"https://tfhub.dev/google/tf2-preview/mobilenet_v2/feature_vector/4",
       "145bb06ec3b59b08fb564ab752bd5aa222bfb50a"},
      {"https://tfhub.dev/google/yamnet/1",
       "9616fd04ec2360621642ef9455b84f4b668e219e"},
      {"https://tfhub.dev/google/universal-sentence-encoder/4",
       "063d866c06683311b44b4992fd46003be952409c"}};
  setenv("TFHUB_CACHE_DIR", "/c", 1);
  for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
    ht_entry e;
    OK(ht_entry_of(name[i][0], name[i][0], &arena, &e));
    ck_assert_str_eq(e.path + 3, name[i][1]);
  }
}
END_TEST

/* From Python's urllib.parse, as compressed_module_resolver.py uses it. */
START_TEST(queries_are_encoded_as_python_does) {
  static const char *const address[][2] = {
      {"https://e.com/m?x=", "https://e.com/m?tf-hub-format=compressed"},
      {"https://e.com/m?a=b%20c&d=1+2",
       "https://e.com/m?a=b+c&d=1+2&tf-hub-format=compressed"},
      {"https://e.com/m#frag", "https://e.com/m?tf-hub-format=compressed#frag"},
      {"https://e.com", "https://e.com?tf-hub-format=compressed"},
      {"https://e.com/m/?a=1&a=1&b&=2",
       "https://e.com/m/?a=1&a=1&=2&tf-hub-format=compressed"},
      {"http://e.com/m?tf-hub-format=compressed",
       "http://e.com/m?tf-hub-format=compressed&tf-hub-format=compressed"},
      {"https://e.com/m?a=\xc3\xa9&b=%C3%A9/~%2",
       "https://e.com/m?a=%C3%A9&b=%C3%A9%2F~%252&tf-hub-format=compressed"},
      {"https://hub.tensorflow.google.cn/google/nnlm/1",
       "https://gcs.tensorflow.google.cn/tfhub-modules/google/nnlm/1.tar.gz"},
      {"gs://bucket/a/m.tar.gz",
       "https://storage.googleapis.com/bucket/a/m.tar.gz"}};
  for (size_t i = 0; i < sizeof address / sizeof *address; i++) {
    char *url;
    ck_assert(ht_address_is(address[i][0]));
    OK(ht_address_request(address[i][0], "compressed", &arena, &url));
    ck_assert_str_eq(url, address[i][1]);
  }
}
END_TEST

START_TEST(other_handles_are_no_addresses) {
  static const char *const handle[] = {"/a/b",     "a/b",       "file:///a",
                                       "s3://b/m", "HTTPS://a", "",
                                       "m.tar.gz", "https:/a",  "GS://b/m"};
  for (size_t i = 0; i < sizeof handle / sizeof *handle; i++)
    ck_assert_msg(!ht_address_is(handle[i]), "%s", handle[i]);
}
END_TEST

START_TEST(buckets_hold_archives_and_folders) {
  char *url;
  ck_assert(ht_address_is_folder("gs://b/m"));
  ck_assert(ht_address_is_folder("gs://b/m.zip"));
  ck_assert(!ht_address_is_folder("gs://b/m.tar"));
  ck_assert(!ht_address_is_folder("gs://b/m.tgz"));
  ck_assert(!ht_address_is_folder("https://b/m"));
  OK(ht_address_request("https://e.com/m?a=1", "uncompressed", &arena, &url));
  ck_assert_str_eq(url, "https://e.com/m?a=1&tf-hub-format=uncompressed");
}
END_TEST

START_TEST(models_of_kaggle_have_five_parts) {
  static const char *const none[] = {
      "https://www.kaggle.com/models/google/nnlm/tensorFlow2/en-dim50",
      "https://www.kaggle.com/models/google/nnlm/tensorFlow2/en-dim50/x",
      "https://www.kaggle.com/models/google/nnlm/tensorFlow2/en-dim50/1/2",
      "https://www.kaggle.com/models/google//tensorFlow2/en-dim50/1",
      "https://www.kaggle.com.evil.org/models/a/b/c/d/1",
      "http://www.kaggle.com/models/a/b/c/d/1"};
  char *url;
  OK(ht_address_kaggle("https://kaggle.com/models/g/n/tensorFlow2/d-50/1/?a=b",
                       &arena, &url));
  ck_assert_str_eq(url,
                   "https://www.kaggle.com/api/v1/models/g/n/tensorFlow2/"
                   "d-50/1/download");
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    OK(ht_address_kaggle(none[i], &arena, &url));
    ck_assert_msg(!url, "%s", none[i]);
  }
}
END_TEST

START_TEST(secrets_are_not_shown) {
  ck_assert_str_eq(ht_address_shown("https://me:pw@e.com/m?key=1#f", &arena),
                   "https://e.com/m");
  ck_assert_str_eq(ht_address_shown("https://e.com/a@b", &arena),
                   "https://e.com/a@b");
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, NULL, teardown);
  tcase_add_test(tests, entries_are_called_as_in_tensorflow_hub);
  tcase_add_test(tests, queries_are_encoded_as_python_does);
  tcase_add_test(tests, other_handles_are_no_addresses);
  tcase_add_test(tests, buckets_hold_archives_and_folders);
  tcase_add_test(tests, models_of_kaggle_have_five_parts);
  tcase_add_test(tests, secrets_are_not_shown);
}

int main(void) { return test_main("address", add); }
