# Properties of the tests that CTest has found in the programs.
#
# Labels (ctest -L):
#   unit         need no servers
#   integration  need the servers in the environment: eval "$(scripts/servers env)"
#   quick        all unit tests, and the core of the integration tests (scripts/test --quick)
#   once         do not depend on the version and edition: connections, locks, signals, crashes, bounds,
#                queues, plain tables, types, columns changed meanwhile, formats of files, output. If
#                scripts/test uses several servers, these tests run only on the best ones
#   community    do nothing on the Apache edition that they do not do on an old Community edition. If
#                scripts/test uses both, these tests do not run on the Apache edition
#   slow         take much longer than others
#   restarts     restart the servers, and therefore run alone

set(quick "^(CommandLine.*|Control|CopyAggregates|CopyCompressed|CopyRows|CopyTogether|DualWrite|RefreshCaggs|StageAggregates|StageBounds|StageSelection|Verify|VerifyQuick)[.]")
set(once "^(.*/)?(Ascii.*|CheckEncodings|CloneOfCrashes|CloneRoles|CloneRows|ColumnChanges|CommandLine.*|CompletionPoint|Control|CopyConcurrency|Crash|CrashOfCopy|DifferentEncodings|DismissedWorker|EveryType|Faults|FewDifferences|Hook|ImportAsPsql|ImportBinary|ImportCheck|ImportColumns|ImportConflicts|ImportFaults|ImportFiles|ImportFilesEarlier|ImportFormats|ImportGuess|ImportRejects|ImportTimes|KindsOfData|Latin1.*|LockTable|Metrics|Output.*|PagedLoad|PlainFaults|PlantedObjects|Pooler|PublishedRows|Queue|QueueChangedByHand|Report|Restart|RowSecurity|Sessions|SharedChunkFaults|StageBounds|StageQueue|Standby|Sync.*|Terminal|Throttle|ThrottleByServer|Tls|UnansweredCommit|Utf8.*|VerifyTypes|VerifyValues|Win1252.*)[.]")
set(community "^(.*/)?(CopyShared|HypertableChanges|Mending|NoTrigger|PlainMending|PlainSource|Privileges|ReferencedRows|Repair|StageChanged.*)[.]")
set(longest "^(.*/)?(DualWriteStress[.].*Compressed.*|Faults[.](TheOutcomeOf|AHangingConnection|RecoversIfEverythingHangs|VerifyFindsHanging).*|ImportFaults[.]Survives.*|KindsOfData[.](Large|Wide).*|SharedChunkFaults[.].*)")
set(slow "^(.*/)?(ColumnChanges|CopyConcurrency|CopyShared|Crash|CrashOfCopy|DualWriteStress|EveryType|Faults|FewDifferences|ImportFaults|KindsOfData|OtherSlices|PagedLoad|PlainFaults|PlainSource|RandomHypertables|Restart|SharedChunkFaults)[.]")

foreach(test IN LISTS unit)
    set_tests_properties(${test} PROPERTIES LABELS "unit;quick" TIMEOUT 120)
endforeach()

foreach(test IN LISTS integration)
    set(labels integration)
    # The longest tests start first, so that they do not run alone at the end.
    set(cost 1)
    if(test MATCHES "${quick}")
        list(APPEND labels quick)
    endif()
    if(test MATCHES "${once}")
        list(APPEND labels once)
    endif()
    if(test MATCHES "${community}")
        list(APPEND labels community)
    endif()
    if(test MATCHES "${slow}")
        list(APPEND labels slow)
        set(cost 10)
    endif()
    if(test MATCHES "${longest}")
        set(cost 30)
    endif()
    set_tests_properties(${test} PROPERTIES LABELS "${labels}" COST ${cost} TIMEOUT 900)
    if(test MATCHES "^Restart[.]")
        set_tests_properties(${test} PROPERTIES LABELS "${labels};restarts" RUN_SERIAL ON)
    endif()
    # These tests grant session_replication_role, which changes a row of pg_parameter_acl. The whole
    # server has only one, and transactions cannot change it concurrently ("tuple concurrently
    # updated").
    if(test MATCHES "^Trigger(s|Checks)[.]")
        set_tests_properties(${test} PROPERTIES RESOURCE_LOCK pg_parameter_acl)
    endif()
    # This test measures which waits are simultaneous.
    if(test MATCHES "^Sessions[.]WaitTwelveTimes")
        set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
    endif()
endforeach()
