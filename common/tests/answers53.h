/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OCF_AWS_TESTS_ANSWERS53_H
#define OCF_AWS_TESTS_ANSWERS53_H

/* Answers of Route 53, as texts: zones and record sets, and what comes of a change. */

#define NS " xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\""

#define ZONE_OF(id, name, is_private)                                                              \
    "<HostedZone><Id>/hostedzone/" id "</Id><Name>" name                                           \
    "</Name><CallerReference>c</CallerReference><Config><Comment/><PrivateZone>" is_private        \
    "</PrivateZone></Config><ResourceRecordSetCount>4</ResourceRecordSetCount></HostedZone>"
#define ZONES(zones, more)                                                                         \
    "<?xml version=\"1.0\"?>\n<ListHostedZonesByNameResponse" NS "><HostedZones>" zones            \
    "</HostedZones><DNSName>corp.example.</DNSName>" more                                          \
    "<MaxItems>100</MaxItems></ListHostedZonesByNameResponse>"
#define COMPLETE "<IsTruncated>false</IsTruncated>"
#define SETS(sets, more)                                                                           \
    "<?xml version=\"1.0\"?>\n<ListResourceRecordSetsResponse" NS "><ResourceRecordSets>" sets     \
    "</ResourceRecordSets>" more "<MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
#define SET(name, type, attributes, data)                                                          \
    "<ResourceRecordSet><Name>" name "</Name><Type>" type "</Type>" attributes data                \
    "</ResourceRecordSet>"
#define DATA(ttl, value)                                                                           \
    "<TTL>" ttl "</TTL><ResourceRecords><ResourceRecord><Value>" value                             \
    "</Value></ResourceRecord></ResourceRecords>"
#define CHANGED(status)                                                                            \
    "<ChangeResourceRecordSetsResponse" NS "><ChangeInfo><Id>/change/C123ABC</Id><Status>" status  \
    "</Status><SubmittedAt>2026-11-21T12:00:00Z</SubmittedAt></ChangeInfo>"                        \
    "</ChangeResourceRecordSetsResponse>"
#define ERROR(code, message)                                                                       \
    "<ErrorResponse" NS "><Error><Type>Sender</Type><Code>" code "</Code><Message>" message        \
    "</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"

/* What is asked of it: the body of a batch is HEAD, changes, TAIL. */
#define HEAD                                                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ChangeResourceRecordSetsRequest" NS              \
    "><ChangeBatch><Changes>"
#define TAIL         "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
#define DELETES(set) "<Change><Action>DELETE</Action>" set "</Change>"
#define CREATES(set) "<Change><Action>CREATE</Action>" set "</Change>"

#endif
