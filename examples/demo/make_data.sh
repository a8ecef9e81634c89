#!/bin/sh
# Writes the demo's labelled texts: requests to a shop, made from templates.
#   make_data.sh FOLDER      -> FOLDER/train.csv (600 lines), FOLDER/test.csv
# A seeded generator of our own, so that every awk writes the same texts.
set -eu
mkdir -p "$1"
for part in train:600:1 test:150:2; do
  name=${part%%:*} rest=${part#*:}
  awk -v n="${rest%%:*}" -v seed="${rest#*:}" '
    function draw(k) { state = (state * 69069 + 5) % 4294967296
                       return int(state / 65536) % k }
    function pick(list,   part, k) { k = split(list, part, "|")
                                     return part[draw(k) + 1] }
    BEGIN {
      state = seed * 7919
      for (i = 0; i < 20; i++) draw(2)
      opening = "hello|hi|dear team|good morning|please help|excuse me|to whom it may concern"
      thing = "camera|kettle|lamp|jacket|keyboard|bicycle|novel|headset|tent|printer"
      when = "yesterday|last week|on monday|two days ago|this morning|in march"
      closing = "thank you|please answer soon|best regards|I am waiting|can you check|thanks"
      print "text,label"
      for (i = 0; i < n; i++) {
        t = pick(thing); w = pick(when); c = draw(3)
        if (c == 0) {
          label = "billing"
          s = pick("I was charged twice for the " t "|the invoice for my " t " shows a wrong amount|my card was debited " w " but I returned the " t "|where is the refund for the " t "|the price of the " t " differs from what I paid|your bank rejected my payment for the " t)
        } else if (c == 1) {
          label = "delivery"
          s = pick("the " t " that I ordered " w " has not arrived|the courier left my " t " with a neighbour|tracking says my " t " is still in the warehouse|the parcel with the " t " came damaged|when will the " t " be shipped|please change the address for my " t)
        } else {
          label = "technical"
          s = pick("the " t " does not switch on since " w "|the " t " makes a strange noise|how do I reset my " t "|the manual of the " t " is missing a page|the screen of my " t " stays dark|the update broke the " t " " w)
        }
        printf "\"%s, %s, %s\",%s\n", pick(opening), s, pick(closing), label
      }
    }' > "$1/$name.csv"
done
